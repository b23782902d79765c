"""A group of REST pollers: what they ask for, how often, and what they expect to be answered."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from loadtest.profiles.group import Group
from loadtest.profiles.rates import Rates
from loadtest.profiles.section import Section
from loadtest.profiles.values import (
    Binary,
    Duration,
    Headers,
    Json,
    Number,
    Pause,
    RequestPath,
    Text,
    Whole,
    text_of,
    value_of,
)
from loadtest.schedule import Arrivals, Pool

__all__ = ["METHODS", "AnswerCheck", "Pace", "Request", "RestGroup", "Upload"]

METHODS = ("get", "post", "put", "patch", "delete", "head")


def _statuses(given: Any) -> tuple[int, ...]:
    codes = value_of(given)
    codes = codes if isinstance(codes, list | tuple) else [codes]
    if not codes or not all(type(code) is int and 100 <= code <= 599 for code in codes):  # noqa: PLR2004 - HTTP's
        raise ValueError("must be an HTTP status such as 200, or a list of them")
    return tuple(codes)


def _name(given: Any) -> Any:
    if isinstance(given, str) and (not given.isprintable() or '"' in given or not 0 < len(given.strip()) <= 200):  # noqa: PLR2004 - fits a table
        raise ValueError('must be one line of at most 200 characters without "')
    return str(given) if isinstance(given, str) else given


def _default_name(data: dict[str, Any]) -> str:
    method, path = next(((name, data[name]) for name in METHODS if data.get(name)), ("", ""))
    return f"{method.upper()} {path.partition('?')[0]}"


class AnswerCheck(Section):
    """What an answer must be; one that isn't counts as an error."""

    status: Annotated[
        tuple[int, ...],
        BeforeValidator(_statuses),
        PlainSerializer(lambda codes: codes[0] if len(codes) == 1 else list(codes), when_used="json"),
        WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}),
    ] = Field((), description="The status, or a list of them. Left out: any from 200 to 299.")
    keys_: tuple[Text, ...] = Field((), alias="keys", description="Top-level keys that the JSON answer must have.")
    contains: Text | None = Field(None, description="A text that the answer must contain.")


class Upload(Section):
    """A file of a form: its content is here, in the profile."""

    one_of = ("text", "binary")

    text: Text | None = Field(None, description="The content, as UTF-8.")
    binary: Binary | None = Field(None, description="The content, as base64.")
    filename: Annotated[Text, BeforeValidator(_name)] | None = Field(None, description="Left out: the field's name.")
    type: Text = Field("application/octet-stream", description="Its media type.")

    @property
    def content(self) -> bytes:
        """What is sent."""
        return self.binary if self.binary is not None else (self.text or "").encode()


class Request(Section):
    """One kind of request; `method` and `path` say which."""

    one_of = METHODS

    get: RequestPath | None = Field(None, description="GET this path; it may have a query.")
    post: RequestPath | None = Field(None, description="POST to this path.")
    put: RequestPath | None = Field(None, description="PUT to this path.")
    patch: RequestPath | None = Field(None, description="PATCH this path.")
    delete: RequestPath | None = Field(None, description="DELETE this path.")
    head: RequestPath | None = Field(None, description="HEAD of this path.")
    weight: Annotated[Number, Field(gt=0)] = Field(1, description="How often, in proportion to the group's others.")
    name: Annotated[str, BeforeValidator(_name)] = Field(
        default_factory=_default_name,
        description='Under which it is counted. Left out: method and path without query, "GET /api/x".',
    )
    headers: Headers = Field({}, description="Sent with this request in addition to the group's; these win.")
    body: Json = Field(None, alias="json", description="Sent as the JSON body.")
    form: dict[str, Text] = Field({}, description="Sent as a form, beside files if there are any.")
    files: dict[str, Upload] = Field({}, description="Sent as the files of a form; only with client: full.")
    expect: AnswerCheck = Field(AnswerCheck(), description="What the answer must be.")

    @property
    def method(self) -> str:
        """GET, POST, …."""
        return next(name.upper() for name in METHODS if getattr(self, name) is not None)

    @property
    def path(self) -> str:
        """Path and query."""
        return str(getattr(self, self.method.lower()))

    @classmethod
    def contradictions(cls, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Find bodies where HTTP has none to speak of (RFC 9110, 9.3)."""
        for key in sorted(given.keys() & {"json", "form", "files"}):
            if given.keys() & {"get", "head"}:
                yield key, "can't be sent with get or head: they have no body"
        for key in sorted(given.keys() & {"form", "files"}):
            if "json" in given:
                yield key, "can't stand beside json: give one of them"
        expect = given.get("expect")
        if "head" in given and isinstance(expect, dict) and expect.keys() & {"keys", "contains"}:
            yield "expect", "can only check the status of head: its answer has no body"


class Pace(Section):
    """When a user sends its next request, or (rate) when the whole group's requests are due."""

    one_of = ("pause", "every", "rate")

    pause: Pause | None = Field(
        None, description="How long to wait after an answer: a duration, or a range to draw from; 0s: not at all."
    )
    every: Duration | None = Field(
        None, description="One request each time this long has gone by, however long answers take."
    )
    rate: Rates | None = Field(
        None,
        description="Open arrivals: requests of the whole group that are due in a second, answered or not; or stages.",
    )


class RestGroup(Group):
    """Pollers: each sends one request at a time, on a connection that it keeps.

    With a rate, they are a pool of connections that requests are sent on as they come due.
    """

    kind: ClassVar[Literal["rest"]] = "rest"

    pace: Pace = Field(description="When a user sends its next request.")
    requests: tuple[Request, ...] = Field(min_length=1, description="What is asked for, drawn by weight.")
    client: Annotated[Literal["light", "full"], BeforeValidator(text_of)] = Field(
        "light", description="full: follow redirects, keep cookies, send files; at several times the CPU."
    )
    timeout: Duration = Field(10.0, description="An answer that isn't complete by then is an error.")
    connections: Annotated[Whole, Field(ge=1, le=1_000_000)] = Field(
        100, description="With a rate: how many connections the group has, over all workers."
    )
    patience: Duration = Field(
        10.0, description="With a rate: how long a request that is due waits for a free connection; then it is missed."
    )

    @classmethod
    def contradictions(cls, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Find what only a rate has, and what a rate has in its place."""
        yield from super().contradictions(given)
        pace = given.get("pace")
        rated = isinstance(pace, dict) and pace.get("rate") is not None
        if rated:
            for key in sorted(given.keys() & {"share", "count"}):
                yield key, "means nothing with a rate, whose pool has connections: give those"
        elif isinstance(pace, dict):
            for key in sorted(given.keys() & {"connections", "patience"}):
                yield key, "means something only with pace: {rate: ...}"

        if given.get("client") != "full":
            requests = given.get("requests")
            listed = requests if isinstance(requests, list) else []
            if any(isinstance(one, dict) and one.get("files") for one in listed):
                yield "requests", "have files, which need client: full beside them"

    @property
    def pool(self) -> Pool | None:
        """The pool of connections of open arrivals; None where users pace themselves."""
        return None if self.pace.rate is None else Pool(self.connections, Arrivals.of(self.pace.rate))
