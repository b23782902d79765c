"""Where the users should be now: the run's plan, its workers and what its profile says of lost ones.

The dispatcher follows it. What begins and ends a run is the conductor's.
"""

import logging
from collections.abc import Callable, Mapping

from gevent.event import Event

from loadtest.swarm.cluster.rota import Rota
from loadtest.swarm.conductor import Conductor

__all__ = ["PlanCourse"]

logger = logging.getLogger(__name__)

DESERTED_S = 60.0
"""A run that has had no worker for so long ends."""


class PlanCourse:
    """The Course of the conductor's run. `class_name`: (profile, group) -> the Locust user class that runs it."""

    def __init__(self, conductor: Conductor, class_name: Callable[[str, str], str]) -> None:
        self.conductor = conductor
        self.session = conductor.session
        self.class_name = class_name
        self.on_placed: Callable[[int, bool], None] = lambda _wanted, _steady: None
        self._manned_at = 0.0
        self._rota = Rota(self.session)

    @property
    def changed(self) -> Event:
        """Set when workers come or go."""
        return self.session.changed

    def users(self) -> Mapping[str, int] | None:
        """User class -> users wanted now; None once the plan is over."""
        run = self.conductor.current
        if run is None or run.plan is None or run.profile is None or run.over or run.aborted is not None:
            return None
        elapsed = self.session.elapsed()
        if elapsed >= run.plan.duration:
            run.complete = True
            return None
        if self._is_deserted(elapsed):
            run.deserted = True
            return None
        wanted = run.plan.users_at(elapsed)
        for group in run.plan.pools:  # one each, to take turns
            wanted[group] = max(wanted[group], len(self.session.eligible()))
        return {self.class_name(run.profile.name, group): users for group, users in wanted.items()}

    def _is_deserted(self, elapsed: float) -> bool:
        if self.session.eligible() or self._manned_at > elapsed:
            self._manned_at = elapsed
        if elapsed - self._manned_at < DESERTED_S:
            return False
        logger.error("no worker has been there for %.0f s: the run ends", DESERTED_S)
        return True

    def wait(self) -> float:
        """Seconds until the plan wants other numbers."""
        run = self.conductor.current
        if run is None or run.plan is None:
            return 0.0
        elapsed = self.session.elapsed()
        change = run.plan.next_change(elapsed)
        return (run.plan.duration if change is None else min(change, run.plan.duration)) - elapsed

    def workers(self) -> list[str]:
        """Who may take users, and takes turns with open arrivals."""
        eligible = self.session.eligible()
        self._rota.follow(eligible)
        return eligible

    def now(self) -> float:
        """Run time."""
        return self.session.elapsed()

    def rebalance_rate(self) -> float:
        """The profile's, or as fast as users ever arrive by its plan; 0 if nobody is to take a lost worker's place."""
        run = self.conductor.current
        if run is None or run.plan is None or run.profile is None:
            return 0.0
        if run.profile.on_worker_loss != "rebalance":
            return 0.0
        return run.profile.rebalance_rate or run.plan.steepest()

    def running(self, worker: str) -> Mapping[str, int]:
        """What it said it ran when it said hello."""
        member = self.session.roster.members.get(worker)
        return member.users if member is not None else {}

    def missed(self, worker: str, told: Mapping[str, int], at: float) -> bool:
        """By what it says that it was told last."""
        heard = self.session.standings.of(worker, self.session.run)
        return heard is not None and heard.missed_users(told, at)

    def came_back(self, worker: str) -> bool:
        """Whether this is not its first life in this run."""
        run = self.session.run
        return run is not None and run.participants.get(worker, 0) > 0

    def placed(self, wanted: int, *, steady: bool) -> None:
        """Passed on to whom it concerns (Locust's page shows a state and a target)."""
        self.on_placed(wanted, steady)
