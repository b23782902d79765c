"""A worker's Records: one is closed each second, kept, sent, sent again, and forgotten when the master has it."""

import logging
from collections.abc import Callable

import gevent

from loadtest.clock import Clock
from loadtest.swarm.cluster.alignment import Alignment
from loadtest.swarm.cluster.messages import Ack, Link
from loadtest.swarm.cluster.outbox import Outbox
from loadtest.swarm.health import Health
from loadtest.swarm.recorder import Recorder

__all__ = ["DEAF_S", "RECORDS", "Reports"]

logger = logging.getLogger(__name__)

RECORDS = "loadtest.records"
"""The name of the one message that is hot: a list of Records."""
DEAF_S = 5.0
"""After this long without a word of the master nothing is sent any more, but kept."""


class Reports:
    """The Records of a worker's life in a run. `extra_health` is added to what `health` knows."""

    def __init__(self, link: Link, clock: Clock, identity: str) -> None:
        self.link = link
        self.clock = clock
        self.identity = identity
        self.recorder = Recorder(clock)
        self.health = Health(clock, self.recorder.meter("(worker)", "generator", "lag", "hub"))
        self.alignment = Alignment(link, clock)
        self.extra_health: Callable[[], dict[str, float]] = dict
        self.silent_for: Callable[[], float] = lambda: 0.0
        self.outbox = Outbox()
        self.run: str | None = None
        self.incarnation = -1
        self.serial = 0

    def begin(self, run: str, incarnation: int) -> None:
        """A life begins. A run begins with nothing of the last one."""
        if run != self.run:
            self.outbox.clear()
            self.recorder.forget()
            self.health.take()
        self.run, self.incarnation, self.serial = run, incarnation, 0
        self.alignment.begin()

    def close(self, second: int, *, final: bool) -> None:
        """Turn what was added up into a Record and keep it until the master has it."""
        if self.run is None:
            return
        now = self.clock.monotonic()
        aligned = self.alignment.at(now)
        health = {**self.health.take(), **self.extra_health()}
        if aligned is not None:
            health["alignment_error"] = aligned.error
        audiences = []
        if aligned is not None:
            audiences = self.recorder.hear(now, aligned.offset, aligned.error, health["lag_max"], final=final)
        life = (self.incarnation, self.serial)
        record = self.recorder.take(self.run, self.identity, life, max(second, 0), health, audiences, final=final)
        self.serial += 1
        if not self.outbox.put(record):
            dropped = self.outbox.dropped
            logger.error("the master has not answered for an hour: %d seconds of results were dropped", dropped)

    def send_due(self) -> None:
        """Send what waits, unless nobody listens: what piles up in a socket is bounded by nothing."""
        if self.silent_for() > DEAF_S:
            return
        records = self.outbox.due(self.clock.monotonic())
        if records:
            self.link.send_message(RECORDS, [record.to_wire() for record in records])

    def hand_over(self, seconds: float, patience: float | None) -> None:
        """Wait until all is acknowledged: `seconds` in which the master is there at most, or, if given, `patience`."""
        began = looked = self.clock.monotonic()
        answering = 0.0  # so long has the master been there, and not taken them
        while len(self.outbox):
            now = self.clock.monotonic()
            if self.silent_for() < DEAF_S:
                answering += now - looked
            looked = now
            if (now - began >= patience) if patience is not None else (answering >= seconds):
                break
            self.send_due()
            gevent.sleep(0.05)
        if len(self.outbox):
            logger.error("the master did not acknowledge the last %d seconds of results", len(self.outbox))

    def acknowledged(self, message: Ack) -> None:
        """The master has these."""
        if message.run == self.run:
            self.outbox.acknowledge(message.incarnation, message.serials, durable=message.durable)
            if len(message.serials) > 1:
                self.send_due()  # there is a backlog to hand over
