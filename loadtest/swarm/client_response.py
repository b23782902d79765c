"""What `self.client` of a plain locustfile gives back, in the shape of Locust's FastResponse, and its Outcome."""

import json as json_module
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from locust.exception import CatchResponseError, LocustError, ResponseError

from loadtest.errors import LoadtestError
from loadtest.swarm.http import Answer, RequestFailed

__all__ = ["BadStatus", "ClientResponse", "Headers", "Outcome"]

_FAILED = 400
"""The first status that counts as a failure, as in Locust."""


class BadStatus(LoadtestError):
    """The server answered with a status of 400 or more. `name` is stable: "response: HTTP 503"."""

    def __init__(self, status: int) -> None:
        super().__init__(f"response: HTTP {status}")
        self.name = f"response: HTTP {status}"


@dataclass(slots=True)
class Outcome:
    """One request and how it went. Times are `time.monotonic()` seconds."""

    method: str
    name: str
    response: "ClientResponse"
    due: float
    """When it was asked for."""
    sent: float
    """Just before it was written; if it never was, when it was asked for."""
    done: float
    """When the last byte of the answer, or the failure, came."""
    retries: int
    context: dict[str, Any]
    error: str | None = None
    """The name of what went wrong, to be counted."""
    exception: Exception | None = None

    @property
    def status(self) -> int:
        """0: there was no answer."""
        return self.response.status_code

    @property
    def length(self) -> int:
        """Bytes of the decoded body."""
        return len(self.response.content)

    @property
    def url(self) -> str:
        """What was asked for, with the host; its query may hold a token."""
        return self.response.url

    def judge(self, exception: Exception | None) -> None:
        """Failed for this reason, or not (None)."""
        self.exception = exception
        self.error = None if exception is None else str(exception) or type(exception).__name__


class Headers(Mapping[str, str]):
    """Header fields by name, whatever its case; several of one name are joined with commas (RFC 9110, 5.3)."""

    def __init__(self, pairs: tuple[tuple[bytes, bytes], ...]) -> None:
        self._fields: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            self._fields[name] = f"{self._fields[name]}, {value}" if name in self._fields else value

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class ClientResponse:
    """What a request came to. Without an answer `status_code` is 0, `content` empty, and `error` says why.

    With `catch_response=True` it is used in a `with` block, which reports it at its end: as `success()` or `failure()`
    said there, else by its status.
    """

    def __init__(self, url: str, end: Answer | RequestFailed) -> None:
        answer = end.response if isinstance(end, Answer) else None
        self.url = url
        self.status_code = answer.status if answer is not None else 0
        self.content = answer.body if answer is not None else b""
        self.elapsed = timedelta(seconds=end.done - end.sent)
        """From sending to the last byte (or to the failure)."""
        self.error: Exception | None = end if isinstance(end, RequestFailed) else None
        if self.status_code >= _FAILED:
            self.error = BadStatus(self.status_code)
        self._raw_headers = answer.headers if answer is not None else ()
        self._report: Callable[[Outcome], None] | None = None
        self._outcome: Outcome | None = None
        self._entered = False
        self._decided = False

    @cached_property
    def headers(self) -> Headers:
        """Empty if there was no answer."""
        return Headers(self._raw_headers)

    @property
    def ok(self) -> bool:
        """There was an answer, with a status below 400."""
        return 0 < self.status_code < _FAILED

    @cached_property
    def text(self) -> str:
        """The content as text, by the charset that its type names, else UTF-8."""
        _, _, charset = self.headers.get("content-type", "").lower().partition("charset=")
        try:
            return self.content.decode(charset.partition(";")[0].strip(' "') or "utf-8", "replace")
        except (LookupError, ValueError):  # no such charset, or not one for text
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The content parsed as JSON. Raises ValueError."""
        return json_module.loads(self.content)

    def raise_for_status(self) -> None:
        """Raise what `error` holds, if anything."""
        if self.error is not None:
            raise self.error

    def success(self) -> None:
        """Report it as a success whatever its status."""
        self._decide(None)

    def failure(self, reason: str | Exception) -> None:
        """Report it as a failure; `reason` is what is counted, so keep ids and addresses out of it."""
        self._decide(reason if isinstance(reason, Exception) else CatchResponseError(reason))

    def _decide(self, exception: Exception | None) -> None:
        if not self._entered or self._outcome is None:
            raise LocustError("success() and failure() belong in: with self.client.get(…, catch_response=True) as r:")
        self._decided = True
        self._outcome.judge(exception)

    def report_at_exit(self, outcome: Outcome, report: Callable[[Outcome], None]) -> None:
        """Hand `outcome` to `report` at the end of the `with` block (`catch_response=True`)."""
        self._outcome = outcome
        self._report = report

    def __enter__(self) -> Self:
        if self._report is None:
            raise LocustError("a `with` block around a request needs catch_response=True")
        self._entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Report. A ResponseError raised inside is the failure; any other exception goes on (Locust logs it)."""
        swallow = not self._decided and isinstance(value, ResponseError)
        if swallow and isinstance(value, ResponseError):
            self._decide(value)
        if self._report is not None and self._outcome is not None:
            self._report(self._outcome)
        return swallow
