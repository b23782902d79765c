"""A worker's side of a run: joins, sends one Record a second, keeps each until acknowledged, drains at the end."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import RLock

from loadtest.clock import Clock
from loadtest.errors import ExitCode, WireError
from loadtest.schedule import Turn
from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.joining import Joining, Midst
from loadtest.swarm.cluster.messages import (
    Ack,
    Begin,
    ClockTell,
    Drain,
    Leaving,
    Link,
    Refused,
    Rejoin,
    TakeTurn,
    Welcome,
)
from loadtest.swarm.cluster.reports import Reports

__all__ = ["WorkerSession"]

logger = logging.getLogger(__name__)

LEAVE_S = 20.0
"""How long users may take to leave at the end."""
DROP_S = 5.0
"""How long users may take to leave whose places others have taken already."""


class WorkerSession:
    """What one worker process knows of the cluster and of the run.

    `on_begin` is called with each run's Begin before a user of it starts; `leave` makes every user go and blocks until
    they are gone or the time (s) is over; `users` tells how many of each class run; `rejoin` makes the carrier itself
    known to the master anew.
    """

    def __init__(self, link: Link, clock: Clock, identity: str, digests: Mapping[str, Mapping[str, str]]) -> None:
        self.link = link
        self.clock = clock
        self.identity = identity
        self.reports = Reports(link, clock, identity)
        self.recorder = self.reports.recorder
        self.run: Begin | None = None
        self.joining = Joining(link, digests, self._midst)
        self.index = 0
        self.on_begin: list[Callable[[Begin], None]] = []
        self.leave: Callable[[float], None] = lambda _seconds: None
        self.turns: list[Turn] = []
        """Which open arrivals of the run are this worker's, as told so far."""
        self.on_turn: list[Callable[[Turn], None]] = []
        self.users: Callable[[], dict[str, int]] = dict
        self.rejoin: Callable[[], None] = lambda: None
        self.each_second: list[Callable[[], None]] = []
        self.drained = Event()
        self.leaving = False
        """The run is over for this worker: its users are going, or gone."""
        self.origin = 0.0
        """When the run began, by the clock's monotonic time."""
        self._ticker: gevent.Greenlet | None = None
        self._draining = False  # they are gone; the final Record is being made
        self._turn = RLock()  # users leave for one reason at a time

    def elapsed(self) -> float:
        """Seconds of run time; 0 before the first run."""
        return self.clock.monotonic() - self.origin if self.run else 0.0

    # -- joining ------------------------------------------------------------------------------------------------------

    def join(self) -> None:
        """Say hello to the master until it answers."""
        self.joining.start()

    @property
    def joined(self) -> bool:
        """Whether the master has taken this worker in."""
        return self.joining.done

    def _midst(self) -> Midst | None:
        if self.run is None or self.drained.is_set():
            return None
        users = {name: count for name, count in self.users().items() if count}
        return Midst(self.run.run, self.reports.incarnation, self.elapsed(), users)

    def handlers(self) -> dict[type[Any], Callable[[Any], None]]:
        """Which message of the master goes where."""
        return {
            Welcome: self._welcome,
            Refused: self._refused,
            Rejoin: self._on_rejoin,
            Begin: self.begin,
            Ack: self.reports.acknowledged,
            ClockTell: self.reports.alignment.told,
            Drain: self._on_drain,
            TakeTurn: self._take_turn,
        }

    def _on_rejoin(self, _message: Rejoin) -> None:
        """The master is a new one, and what was on its way to the last one may never have arrived."""
        self.reports.outbox.start_over()
        self.rejoin()
        self.join()

    def _welcome(self, message: Welcome) -> None:
        self.joining.done = True
        self.index = message.index
        if self.run is not None and not self.drained.is_set() and message.run != self.run.run:
            gevent.spawn(self._abandon, self.run)

    def _abandon(self, run: Begin) -> None:
        """The master knows nothing of this worker's run: let the users go, and join as a new worker does."""
        with self._turn:
            if self.run is not run:
                return
            self.leaving = True
            self.leave(DROP_S)
            self._draining = True
            kept = self.reports.outbox.clear()
            logger.error("the master does not know run %s: %d seconds of its results are lost", run.run, kept)
            self.run = None
            self.drained.set()
        self.join()

    def _refused(self, message: Refused) -> None:
        logger.error("the master refused this worker: %s", message.reason)
        raise SystemExit(int(ExitCode.BAD_CONFIGURATION))

    # -- a run --------------------------------------------------------------------------------------------------------

    def begin(self, message: Begin) -> None:
        """Take part in a run from now on. The same life of the same run again (a repeated message) changes nothing."""
        if self.run is not None and self.run.run == message.run and not self.drained.is_set():
            if message.incarnation > self.reports.incarnation and not self.leaving:
                self.turns.clear()  # others have them now; what is told from here on is for the new life
                gevent.spawn(self._renew, message)
            return
        again = self.run is not None and self.run.run == message.run  # it had drained, and the run goes on
        if again and message.incarnation <= self.reports.incarnation:
            gevent.spawn(self._hand_over, LEAVE_S)  # the master that had its last Record in memory is dead
            return
        if not again:
            self.origin = self.clock.monotonic() - message.elapsed
        self.turns.clear()
        self.drained.clear()
        self._live(message)
        self._ticker = gevent.spawn(self._tick)
        if again:
            self.rejoin()
            self.join()

    def _live(self, message: Begin) -> None:
        self.run = message
        self.reports.begin(message.run, message.incarnation)
        self.leaving = self._draining = False
        for listener in self.on_begin:
            listener(message)

    def _renew(self, message: Begin) -> None:
        """The master took this worker for dead and placed its users on others: drop them, and begin a new life."""
        with self._turn:
            if self.leaving or message.incarnation <= self.reports.incarnation:
                return
            logger.error("the master took this worker for dead: its users leave, and it joins anew")
            self.leaving = True
            self.leave(DROP_S)
            self.reports.close(int(self.elapsed()), final=True)
            self._live(message)
        self.rejoin()
        self.join()

    def _tick(self) -> None:
        while True:
            elapsed = self.elapsed()
            gevent.sleep(int(elapsed) + 1 - elapsed + 0.001)  # never wake before the second is over
            if self._draining or self._ticker is not gevent.getcurrent():  # the next run has begun meanwhile
                return
            for each in self.each_second:
                each()
            self.reports.close(int(self.elapsed()) - 1, final=False)
            self.reports.send_due()

    # -- the end ------------------------------------------------------------------------------------------------------

    def _on_drain(self, message: Drain) -> None:
        if self.run is not None and message.run == self.run.run:
            gevent.spawn(self.drain, LEAVE_S)

    def _take_turn(self, message: TakeTurn) -> None:
        if self.run is None or message.run != self.run.run:
            return
        turn = Turn(message.since, message.rank, message.of)
        self.turns.append(turn)
        for listener in self.on_turn:
            listener(turn)

    def drain(self, seconds: float, patience: float | None = None) -> None:
        """Stop the users, send the final Record, and wait until everything is acknowledged.

        The users have `seconds`, and so have the acknowledgements, without the time in which the master says nothing:
        it may come back. If `patience` is given, they have so many seconds, whatever the master does.
        """
        with self._turn:
            if self.run is None or self._draining:
                mine = False
            else:
                mine = self.leaving = True
                if self.reports.serial == 0:  # a run shorter than a second: its users should be seen before they leave
                    self.reports.close(0, final=False)
                self.leave(seconds)
                self._draining = True
                for each in self.each_second:
                    each()
                self.reports.close(int(self.elapsed()), final=True)
        if not mine:
            self.drained.wait(seconds)
            return
        self._hand_over(seconds, patience)

    def _hand_over(self, seconds: float, patience: float | None = None) -> None:
        self.reports.hand_over(seconds, patience)
        self.drained.set()

    def quit(self, seconds: float = LEAVE_S) -> None:
        """This process was asked to end (SIGTERM): leave in good order."""
        if self.run is None or self.drained.is_set():
            return
        messages.send(self.link, Leaving())
        self.drain(seconds, seconds)

    def receive(self, kind: type[Any], wire: Any) -> None:
        """Check and handle a message; what is none of ours is logged and dropped, never raised into Locust's loop."""
        try:
            self.handlers()[kind](messages.read(kind, wire))
        except WireError as problem:
            logger.warning("dropped a message: %s", problem)
