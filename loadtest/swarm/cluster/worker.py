"""A worker's side of a run: joins, sends one Record a second, keeps each until acknowledged, drains at the end."""

import logging
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import gevent
from gevent.event import Event

from loadtest.clock import Clock
from loadtest.errors import ExitCode, WireError
from loadtest.results import Record
from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.messages import Ack, Begin, Drain, Hello, Leaving, Link, Refused, Welcome
from loadtest.swarm.health import Health
from loadtest.swarm.recorder import Recorder

__all__ = ["WorkerSession"]

logger = logging.getLogger(__name__)

RESEND_S = 3.0
"""A Record that was not acknowledged for this long is sent again."""
KEEP_RECORDS = 3600
"""An hour of Records is kept for a master that does not answer; then the oldest go, and the log says so."""
RECORDS = "loadtest.records"
"""The name of the one message that is hot: a list of Records."""


class WorkerSession:
    """What one worker process knows of the cluster and of the run.

    `on_begin` is called with each run's Begin before a user of it starts; `leave` makes every user go and blocks until
    they are gone or the time (s) is over.
    """

    def __init__(self, link: Link, clock: Clock, identity: str, digests: Mapping[str, Mapping[str, str]]) -> None:
        self.link = link
        self.clock = clock
        self.identity = identity
        self.digests = digests
        self.recorder = Recorder(clock)
        self.health = Health(clock)
        self.run: Begin | None = None
        self.index = 0
        self.on_begin: list[Callable[[Begin], None]] = []
        self.leave: Callable[[float], None] = lambda _seconds: None
        self.each_second: list[Callable[[], None]] = []
        self.extra_health: Callable[[], dict[str, float]] = dict
        self.drained = Event()
        self.dropped = 0
        self._origin = 0.0
        self._incarnation = -1
        self._serial = 0
        self._unacknowledged: dict[int, tuple[float, Record]] = {}
        self._ticker: gevent.Greenlet | None = None
        self.leaving = False
        """The run is over for this worker: its users are going, or gone."""
        self._draining = False  # they are gone; the final Record is being made

    def elapsed(self) -> float:
        """Seconds of run time; 0 before the first run."""
        return self.clock.monotonic() - self._origin if self.run else 0.0

    def join(self) -> None:
        """Say hello to the master."""
        digests = {name: dict(sections) for name, sections in self.digests.items()}
        messages.send(self.link, Hello(messages.PROTOCOL, version("loadtest"), digests))

    def handlers(self) -> dict[type[Any], Callable[[Any], None]]:
        """Which message of the master goes where."""
        return {
            Welcome: self._welcome,
            Refused: self._refused,
            Begin: self.begin,
            Ack: self._acknowledge,
            Drain: self._on_drain,
        }

    def _welcome(self, message: Welcome) -> None:
        self.index = message.index

    def _refused(self, message: Refused) -> None:
        logger.error("the master refused this worker: %s", message.reason)
        raise SystemExit(int(ExitCode.BAD_CONFIGURATION))

    def begin(self, message: Begin) -> None:
        """Take part in a run from now on. The same run again (a repeated message) changes nothing."""
        if self.run is not None and self.run.run == message.run and not self.drained.is_set():
            return
        self.run = message
        self._origin = self.clock.monotonic() - message.elapsed
        self._incarnation += 1
        self._serial = 0
        self._unacknowledged.clear()
        self.leaving = self._draining = False
        self.drained.clear()
        self.recorder.forget()
        self.health.take()
        for listener in self.on_begin:
            listener(message)
        self._ticker = gevent.spawn(self._tick)

    def _tick(self) -> None:
        while not self._draining:
            elapsed = self.elapsed()
            gevent.sleep(int(elapsed) + 1 - elapsed + 0.001)  # never wake before the second is over
            if self._draining:
                return
            for each in self.each_second:
                each()
            self._close_second(int(self.elapsed()) - 1, final=False)
            self._send(self._overdue())

    def _close_second(self, second: int, *, final: bool) -> None:
        """Turn what was added up into a Record and keep it until the master has it."""
        if self.run is None:
            return
        health = {**self.health.take(), **self.extra_health()}
        life = (self._incarnation, self._serial)
        record = self.recorder.take(self.run.run, self.identity, life, max(second, 0), health, final=final)
        self._serial += 1
        self._unacknowledged[record.serial] = (float("-inf"), record)
        while len(self._unacknowledged) > KEEP_RECORDS:
            self._unacknowledged.pop(min(self._unacknowledged))
            self.dropped += 1
            logger.error("the master has not answered for an hour: %d seconds of results were dropped", self.dropped)

    def _overdue(self) -> list[Record]:
        before = self.clock.monotonic() - RESEND_S
        return [record for sent, record in self._unacknowledged.values() if sent < before]

    def _send(self, records: list[Record]) -> None:
        if not records:
            return
        now = self.clock.monotonic()
        self.link.send_message(RECORDS, [record.to_wire() for record in records])
        for record in records:
            if record.serial in self._unacknowledged:
                self._unacknowledged[record.serial] = (now, record)

    def _acknowledge(self, message: Ack) -> None:
        if self.run is None or message.run != self.run.run or message.incarnation != self._incarnation:
            return
        for serial in message.serials:
            self._unacknowledged.pop(serial, None)

    def _on_drain(self, message: Drain) -> None:
        if self.run is not None and message.run == self.run.run:
            gevent.spawn(self.drain, 20.0)

    def drain(self, seconds: float) -> None:
        """Stop the users, send the final Record, and wait until everything is acknowledged; `seconds` for each half."""
        if self.run is None or self.leaving:
            self.drained.wait(2 * seconds)
            return
        self.leaving = True
        if self._serial == 0:  # a run shorter than a second: its users should be seen before they leave
            self._close_second(0, final=False)
        self.leave(seconds)
        self._draining = True
        for each in self.each_second:
            each()
        self._close_second(int(self.elapsed()), final=True)
        deadline = self.clock.monotonic() + seconds
        while self._unacknowledged and self.clock.monotonic() < deadline:
            self._send(self._overdue())
            gevent.sleep(0.05)
        if self._unacknowledged:
            logger.error("the master did not acknowledge the last %d seconds of results", len(self._unacknowledged))
        self.drained.set()

    def quit(self, seconds: float = 20.0) -> None:
        """This process was asked to end (SIGTERM): leave in good order."""
        if self.run is None or self.drained.is_set():
            return
        messages.send(self.link, Leaving())
        self.drain(seconds)

    def receive(self, kind: type[Any], wire: Any) -> None:
        """Check and handle a message; what is none of ours is logged and dropped, never raised into Locust's loop."""
        try:
            self.handlers()[kind](messages.read(kind, wire))
        except WireError as problem:
            logger.warning("dropped a message: %s", problem)
