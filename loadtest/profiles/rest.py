"""A group of REST pollers: what they ask for, how often, and what they expect to be answered."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from loadtest.profiles.group import Group
from loadtest.profiles.section import Section
from loadtest.profiles.values import Duration, Headers, Json, Number, Pause, RequestPath, Text, value_of

__all__ = ["METHODS", "AnswerCheck", "Pace", "Request", "RestGroup"]

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
        if "json" in given and given.keys() & {"get", "head"}:
            yield "json", "can't be sent with get or head: they have no body"
        expect = given.get("expect")
        if "head" in given and isinstance(expect, dict) and expect.keys() & {"keys", "contains"}:
            yield "expect", "can only check the status of head: its answer has no body"


class Pace(Section):
    """When a user sends its next request."""

    one_of = ("pause", "every")
    later = {"rate": "use every: 2s, or pause: 100ms..500ms"}  # noqa: RUF012 - a ClassVar of Section's

    pause: Pause | None = Field(
        None, description="How long to wait after an answer: a duration, or a range to draw from; 0s: not at all."
    )
    every: Duration | None = Field(
        None, description="One request each time this long has gone by, however long answers take."
    )


class RestGroup(Group):
    """Pollers: each sends one request at a time, on a connection that it keeps."""

    kind: ClassVar[Literal["rest"]] = "rest"

    pace: Pace = Field(description="When a user sends its next request.")
    requests: tuple[Request, ...] = Field(min_length=1, description="What is asked for, drawn by weight.")
    timeout: Duration = Field(10.0, description="An answer that isn't complete by then is an error.")
