"""What comes of a request: an answer with its times, or a failure with a name."""

from dataclasses import dataclass

from loadtest.errors import LoadtestError
from loadtest.http1 import Response

__all__ = ["UNANSWERED", "Answer", "RequestFailed"]


@dataclass(slots=True)
class Answer:
    """A response and what it took. Times are `time.monotonic()` seconds."""

    response: Response
    sent: float
    """Just before the request was written."""
    done: float
    """When the kernel got the last byte; where it does not tell, when that was read, before anything else ran."""
    connect_s: float | None
    """DNS + TCP + TLS, if this request had to connect."""
    retries: int
    waited: float | None = None
    """Seconds from `done` to the read: what the generator would have added. None: the kernel does not tell."""


UNANSWERED = "request: unanswered when its user had to leave"
"""At the end of a run, that is after 20 s more: a target that hangs then must not look better than one that fails."""


class RequestFailed(LoadtestError):
    """A request got no answer, or not a well-formed one.

    `name` is stable, so that it can be counted. `unreachable`: no connection could be established, by no fault of ours;
    `ours`: this machine was the limit (descriptors, local ports). `sent`, `done`, `connect_s` and `retries` are as in
    Answer; a request that never was written has the time of asking in `sent`.
    """

    def __init__(self, name: str, *, unreachable: bool = False, ours: bool = False) -> None:
        super().__init__(name)
        self.name = name
        self.unreachable = unreachable
        self.ours = ours
        self.sent = 0.0
        self.done = 0.0
        self.connect_s: float | None = None
        self.retries = 0
