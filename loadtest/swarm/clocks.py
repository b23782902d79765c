"""Each target's clock as seen from this worker: the offset from our monotonic clock to its wall clock, and its error.

The arithmetic is clocksync.py's; here are the requests that feed it, at the start of a run and through it.
"""

import json
import logging
from typing import Protocol
from urllib.parse import urlsplit

import gevent
from gevent.event import Event

from loadtest import http1
from loadtest.clock import Clock
from loadtest.clocksync import Probe, Tracker
from loadtest.errors import LoadtestError
from loadtest.profiles import Target
from loadtest.swarm.http import HttpConnection

__all__ = ["Exchange", "HttpExchange", "TargetClock"]

logger = logging.getLogger(__name__)

FIRST_PROBES = 8
PROBE_EVERY_S = 2.0
STEP_S = 1e-3
"""More than this in a second is no slewing (NTP: 0.5 ms a second at most): the machine's own clock was set."""
FIRST_WAIT_S = 3.0
"""How long the first connection waits for the first estimate."""


class Exchange(Protocol):
    """Asks a server for its time."""

    def ask(self) -> tuple[float, bytes, float]:
        """One exchange: (monotonic when sent, body, monotonic when received). Raises LoadtestError."""

    def close(self) -> None:
        """Ask no more."""


class HttpExchange:
    """Asks a target at the path that the profile names, on a connection of its own that is kept."""

    def __init__(self, target: str, spec: Target) -> None:
        self._connection = HttpConnection(target, verify=spec.verify, ca_file=spec.ca_file, timeout=5.0)
        host = urlsplit(target).netloc
        self._request = http1.Request.build("GET", spec.clock or "/", host=host, headers=spec.headers.items())

    def ask(self) -> tuple[float, bytes, float]:
        """(sent, body, received)."""
        answer = self._connection.request(self._request)
        if answer.response.status != 200:  # noqa: PLR2004 - OK
            raise LoadtestError(f"HTTP {answer.response.status}")
        return answer.sent, answer.response.body, answer.done

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class TargetClock:
    """`offset` (s) is added to a monotonic receive time to get the target's wall clock; None while it is unknown.

    `kind` is the profile's `clock`: an HTTP path to ask, "same" (this host's clock), or None (unknown, and stays so).
    """

    __slots__ = (
        "_agreed", "_clock", "_exchange", "_greenlet", "_kind", "_looked", "_ready", "_step", "_tracker", "_wake",
        "error", "offset", "unsure_for", "warned",
    )  # fmt: skip

    def __init__(self, clock: Clock, kind: str | None, exchange: Exchange | None) -> None:
        self._clock = clock
        self._kind = kind
        self._exchange = exchange
        self._tracker = Tracker()
        self._step = 0.0
        self._agreed = clock.monotonic()
        self._ready = Event()
        self._wake, self._looked = Event(), Event()
        self._greenlet: gevent.Greenlet | None = None
        self.offset: float | None = None
        self.error = 0.0
        self.unsure_for = 0.0
        """How long (s) before a step was found it may have happened: nothing was known since."""
        self.warned = False

    def start(self) -> None:
        """Begin to ask; does nothing for a clock that is the same or unknown."""
        if self._kind is None:
            self._ready.set()
        elif self._kind == "same":
            self.refresh()
            self._ready.set()
        else:
            self._greenlet = gevent.spawn(self._follow)

    def stop(self) -> None:
        """Ask no more; the last estimate stays."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None
        if self._exchange is not None:
            self._exchange.close()

    def wait_for_first(self) -> None:
        """Block until there is an estimate, at most FIRST_WAIT_S: without it a message's latency can't be told."""
        if not self._ready.wait(FIRST_WAIT_S):
            self._ready.set()  # one wait is enough: those who come later would come later still

    def refresh(self) -> None:
        """Take the current estimate over (once a second: its error grows with its age)."""
        now = self._clock.monotonic()
        if self._kind == "same":
            before, self.offset = self.offset, self._clock.wall() - now
            if before is not None and abs(self.offset - before) > STEP_S:
                self._stepped(abs(self.offset - before))
            self._agreed = now
            return
        estimate = self._tracker.at(now)
        if estimate is not None:
            self.offset, self.error = estimate.offset, estimate.error

    def ahead(self) -> float | None:
        """The target's wall clock minus this machine's, in s, right to ± `error`; None while it is unknown."""
        return None if self.offset is None else self.offset + self._clock.monotonic() - self._clock.wall()

    def take_step(self) -> float:
        """By how much (s) the clock was found to have been set since the last call: times may be so wrong."""
        step, self._step = self._step, 0.0
        return step

    def take_doubt(self) -> float:
        """`unsure_for` of the steps that were found since the last call."""
        seconds, self.unsure_for = self.unsure_for, 0.0
        return seconds

    def _stepped(self, step: float) -> None:
        if not self._step:
            logger.warning("the target's clock was set by %.3g s, or several clocks answer in its place", step)
        self._step = max(self._step, step)
        self.unsure_for = max(self.unsure_for, self._clock.monotonic() - self._agreed)

    def look_again(self, seconds: float) -> None:
        """Ask once more, now, and wait so long at most: a step since the last time must be known before the end."""
        if self._greenlet is not None:
            self._looked.clear()
            self._wake.set()
            self._looked.wait(seconds)

    def _follow(self) -> None:
        for _ in range(FIRST_PROBES):
            self._probe()
        self._ready.set()
        while True:
            self._looked.set()
            self._wake.wait(PROBE_EVERY_S)
            self._wake.clear()
            self._probe()

    def _probe(self) -> None:
        if self._exchange is None:
            return
        try:
            sent, body, received = self._exchange.ask()
            if step := self._tracker.add(Probe(sent, received, server_time(body))):
                self._stepped(step)
            self._agreed = received
        except Exception as problem:  # noqa: BLE001 - an edge: whatever the target answers, the load goes on
            if not self.warned:
                self.warned = True
                meanwhile = "no delivery latency until it can" if self.offset is None else "what is known of it ages"
                logger.warning("the target's clock could not be read (%s): %s", problem, meanwhile)
            return
        self.refresh()
        self._ready.set()


def server_time(body: bytes) -> float:
    """Seconds since the epoch from a clock's answer: a bare number, or JSON with `server_time`, `time` or `now`.

    Raises:
        ValueError: neither.
    """
    answer = json.loads(body)
    if isinstance(answer, dict):
        answer = next((answer[key] for key in ("server_time", "time", "now") if key in answer), None)
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        raise ValueError("no time in the answer")  # noqa: TRY004 - the caller's one kind of failure
    return float(answer)
