"""A worker's monotonic clock against the master's: four timestamps over Locust's own messages, through the run.

The arithmetic is clocksync.py's. In one process (Locust's LocalRunner) question and answer are one call, and the error
is microseconds.
"""

import gevent

from loadtest.clock import Clock
from loadtest.clocksync import Offset, Probe, Tracker
from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.messages import ClockAsk, ClockTell, Link

__all__ = ["Alignment", "tell_time"]

FIRST_PROBES = 8
FIRST_EVERY_S = 0.05
PROBE_EVERY_S = 2.0


class Alignment:
    """Master's monotonic clock − ours, and the bound on its error (s)."""

    def __init__(self, link: Link, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._tracker = Tracker()
        self._greenlet: gevent.Greenlet | None = None

    def begin(self) -> None:
        """A run begins, perhaps with another master: ask anew."""
        self.stop()
        self._tracker = Tracker()
        self._greenlet = gevent.spawn(self._ask)

    def stop(self) -> None:
        """Ask no more."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None

    def _ask(self) -> None:
        asked = 0
        while True:
            messages.send(self._link, ClockAsk(self._clock.monotonic()))
            asked += 1
            gevent.sleep(FIRST_EVERY_S if asked < FIRST_PROBES else PROBE_EVERY_S)

    def told(self, answer: ClockTell) -> None:
        """The master answered; what it took to answer is no part of the round trip."""
        received = self._clock.monotonic() - (answer.told - answer.heard)
        try:
            self._tracker.add(Probe(answer.asked, received, answer.heard))
        except ValueError:
            return  # an answer to nothing that was asked

    def at(self, now: float) -> Offset | None:
        """The best estimate at `now`; None before the first answer."""
        return self._tracker.at(now)


def tell_time(link: Link, clock: Clock, sender: str, question: ClockAsk) -> None:
    """The master's part: answer with when it heard the question, and when it answers."""
    heard = clock.monotonic()
    messages.send(link, ClockTell(question.asked, heard, clock.monotonic()), sender)
