"""What a worker was told last, said by it every other second, so that the master repeats what got lost.

A connection that breaks takes with it what is on its way. Who is cut off for less than it takes to be given up does not
join anew, and what it is told only once (how many users to run, whose turn it is) would stay unsaid until that changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import gevent

from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.messages import Standing
from loadtest.swarm.cluster.state import RunState
from loadtest.swarm.cluster.worker import WorkerSession

__all__ = ["SETTLE_S", "Heard", "Standings", "Understanding"]

EVERY_S = 2.0
SETTLE_S = 1.5
"""What a worker says so long after it was told something else (s), it says in ignorance; before, it may cross it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a worker has said, and when (s of run time)."""

    at: float
    standing: Standing

    def missed_users(self, told: Mapping[str, int], at: float) -> bool:
        """Whether it does not know that it was `told`, `at` this time, to run these users."""
        theirs = self.standing.users
        return self.at > at + SETTLE_S and any(theirs.get(name, 0) != count for name, count in told.items())

    def missed_turn(self, told: tuple[float, int, int], at: float) -> bool:
        """The same for a turn of open arrivals."""
        return self.at > at + SETTLE_S and self.standing.turn != told


class Standings:
    """The master's part: what each worker of the run that is on has said last."""

    def __init__(self) -> None:
        self._heard: dict[str, Heard] = {}

    def take(self, at: float, worker: str, standing: Standing) -> None:
        """A worker has said it, `at` this run time."""
        self._heard[worker] = Heard(at, standing)

    def of(self, worker: str, run: RunState | None) -> Heard | None:
        """What it has said last in this life; None: nothing yet."""
        heard = self._heard.get(worker)
        if heard is None or run is None or heard.standing.run != run.begin.run:
            return None
        if heard.standing.incarnation != run.participants.get(worker):
            return None
        return heard


class Understanding:
    """A worker's part: notes what users it was told to run, and says so."""

    def __init__(self, session: WorkerSession) -> None:
        self._session = session
        self._users: dict[str, int] = {}
        session.on_begin.append(lambda _begin: self._users.clear())

    def may_run(self, users: Mapping[str, int]) -> bool:
        """Note that these are to be run. False: of which run it is was not told, or got lost; it is asked for."""
        session = self._session
        if session.run is None or session.drained.is_set():
            if session.joined:
                session.join()
            return False
        self._users = dict(users)
        return True

    def say(self) -> None:
        """Tell the master, if there is a run."""
        session = self._session
        if session.run is None or session.leaving or session.drained.is_set():
            return
        turn: Iterable[float] | None = session.turns[-1] if session.turns else None
        told = (session.run.run, session.reports.incarnation, dict(self._users), turn)
        messages.send(session.link, Standing(*told))  # type: ignore[arg-type]  # a Turn is such a tuple

    def start(self) -> None:
        """Say it every other second, for ever."""

        def repeat() -> None:
            while True:
                gevent.sleep(EVERY_S)
                self.say()

        gevent.spawn(repeat)
