"""Open arrivals on one worker: requests that come due by a rate, and the connections that take them."""

import math
from collections import deque
from collections.abc import Callable

from gevent.event import Event

from loadtest.profiles import RestGroup, Target
from loadtest.schedule import Arrivals, Turn, Turns
from loadtest.swarm.alarm import Alarm
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.pollers import Poller, Pollers

__all__ = ["OpenPoller", "OpenPollers"]

AT_ONCE = 500
"""Requests handed out before other connections have their turn on the hub."""


class OpenPoller(Poller):
    """One connection of a pool: waits for a request that is due, and sends it."""

    shared: "OpenPollers"

    def __init__(self, shared: "OpenPollers", target: str, wake: Event) -> None:
        super().__init__(shared, target)
        self.wake = wake
        """Set when `due` was; also by others, for reasons of their own."""
        self.due: float | None = None
        """When the request that it has been given was due, by the clock's monotonic time; None: nothing to do."""

    def serve(self, leaving: Callable[[], bool]) -> None:
        """Send what comes due until it is time to leave (`wake` is set then)."""
        while not leaving():
            self.shared.rest(self)
            while self.due is None and not leaving():
                self.wake.clear()
                self.wake.wait()
            due, self.due = self.due, None
            if due is not None:
                self.send(due)


class OpenPollers(Pollers):
    """One group on one worker: a schedule, a pool of connections, and a queue between them.

    A request that is due goes to the idle connection that was used last (so that no more are kept busy than needed),
    on each target in turn; without one it waits in the queue, and after `patience` it is missed. Of what came due,
    each is counted once: as `requests` when it is taken, as `missed`, or as `pending_at_end`.
    """

    def __init__(self, session: WorkerSession, name: str, group: RestGroup, target: Target) -> None:
        super().__init__(session, name, group, target)
        self.send_lag = session.recorder.meter(name, "rest", "send_lag", "requests")
        self._late = 0.0
        self._turns = Turns(Arrivals(()))
        self._queue: deque[float] = deque()
        self._idle: dict[str, list[OpenPoller]] = {}
        self._alarm: Alarm | None = None
        self._turn = 0

    def follow(self, arrivals: Arrivals, turns: list[Turn]) -> None:
        """Take this worker's part of `arrivals`, by the turns told so far."""
        self._turns = Turns(arrivals)
        for turn in turns:
            self._turns.add(turn)

    def take_turn(self, turn: Turn) -> None:
        """A new turn was told."""
        self._turns.add(turn)
        self._set_alarm()

    # -- what the pool's users ask for --------------------------------------------------------------------------------

    def join(self, wake: Event) -> OpenPoller:
        """A new connection of the pool; with the first, requests begin to come due."""
        poller = OpenPoller(self, self.next_target(), wake)
        self.users += 1
        if self.users == 1:
            self._set_alarm()
        return poller

    def leave(self, poller: OpenPoller) -> None:
        """A connection is gone; with the last, nothing comes due any more, and what waited stays unsent."""
        idle = self._idle.get(poller.target, [])
        if poller in idle:
            idle.remove(poller)
        if poller.due is not None:  # given, but never sent: another may
            self._hand_out(poller.due)
            poller.due = None
        self.users -= 1
        if not self.users:
            self._stop()
            self.tally.pending_at_end += len(self._queue)
            self._queue.clear()

    def rest(self, poller: OpenPoller) -> None:
        """Give it the request that waits longest, or (with nothing to do) remember it as idle."""
        self._give_up()
        if self._queue:
            poller.due = self._queue.popleft()
        else:
            self._idle.setdefault(poller.target, []).append(poller)

    def take_lateness(self) -> float:
        """How late (s) this worker saw at worst that a request was due, since the last call."""
        late, self._late = self._late, 0.0
        return late

    # -- in the hub's callbacks: nothing here may block ---------------------------------------------------------------

    def _ring(self) -> None:
        """Hand out what has come due."""
        clock, turns, origin = self.session.clock, self._turns, self.session.origin
        now = clock.monotonic()
        for _ in range(AT_ONCE):
            if origin + turns.next > now or self.session.leaving:
                break
            due = origin + turns.pop()
            self._late = max(self._late, now - due)
            self.tally.due += 1
            self._hand_out(due)
        self._give_up()
        self._set_alarm()

    def _hand_out(self, due: float) -> None:
        for _ in self.targets:
            self._turn = (self._turn + 1) % len(self.targets)
            idle = self._idle.get(self.targets[self._turn])
            if idle:
                poller = idle.pop()
                poller.due = due
                poller.wake.set()
                return
        self._queue.append(due)

    def _give_up(self) -> None:
        """Count as missed what has waited too long."""
        queue, earliest = self._queue, self.session.clock.monotonic() - self.group.patience
        while queue and queue[0] < earliest:
            queue.popleft()
            self.tally.missed += 1

    def _set_alarm(self) -> None:
        """Ring when the next request comes due, or the one that waits longest is missed."""
        ring = self.session.origin + self._turns.next
        if self._queue:
            ring = min(ring, self._queue[0] + self.group.patience)
        if math.isfinite(ring) and self.users and not self.session.leaving:
            if self._alarm is None:
                self._alarm = Alarm(self._ring)
            self._alarm.set(ring - self.session.clock.monotonic())
        else:
            self._stop()

    def _stop(self) -> None:
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None

    def retire(self) -> None:
        """The run is over, and so is this group."""
        super().retire()
        self._stop()
