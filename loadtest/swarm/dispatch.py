"""Locust's dispatcher_class over placement: one dispatch lasts the whole run and follows the plan and the workers.

Locust's own dispatcher steps once a second, blocks the shape meanwhile, and moves hundreds of users when a worker goes.
This one is given to `MasterRunner.start()` once: it yields a placement whenever time or the set of workers asks for it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from locust import User
from locust.dispatch import UsersDispatcher
from locust.runners import WorkerNode

from gevent.event import Event

from loadtest.placement import Arrears, Placement, place, settle

__all__ = ["Course", "Dispatcher"]

STEP_S = 0.1
"""The shortest time between two placements: a ramp goes in steps of this."""
NOBODY = ""
LOOK_S = 1.0
"""The longest time without looking at the plan again."""


class Course(Protocol):
    """What the dispatcher follows: how many users of each class there should be now, on which workers."""

    @property
    def changed(self) -> Event:
        """Set whenever the answers below may be others."""

    def users(self) -> Mapping[str, int] | None:
        """User class name -> users wanted now; None when the run is over."""

    def wait(self) -> float:
        """Seconds until that may change."""

    def workers(self) -> list[str]:
        """The workers that may take users now."""

    def now(self) -> float:
        """Seconds of run time."""

    def rebalance_rate(self) -> float:
        """How many users of lost workers are placed again in a second."""

    def running(self, worker: str) -> Mapping[str, int]:
        """User class name -> users that a worker ran when it joined: it was in this run before this dispatch."""

    def missed(self, worker: str, told: Mapping[str, int], at: float) -> bool:
        """Whether a worker does not know that it was told, `at` this run time, to run these users."""

    def came_back(self, worker: str) -> bool:
        """Whether a worker was lost before: others have its users, and keep them."""

    def placed(self, wanted: int, *, steady: bool) -> None:
        """Told after each placement how many users there should be, and whether that will stay for a while."""


class Dispatcher(UsersDispatcher):
    """Yields, for `MasterRunner.start()`, {worker: {user class: users}} of the workers whose users change.

    Never ends before the course does, and yields every worker first and last (Locust reads its totals from the last).
    """

    def __init__(self, worker_nodes: list[WorkerNode], user_classes: list[type[User]], course: Course) -> None:
        self._course = course
        self._classes = [user_class.__name__ for user_class in user_classes]
        self._known = {node.id for node in worker_nodes}
        self._told: Placement = {}
        self._told_at: dict[str, float] = {}
        self._arrears = Arrears()
        self._placements: Iterator[Placement] = iter(())
        self._running = False

    @property
    def dispatch_in_progress(self) -> bool:
        """Locust starts a dispatch of its own when a worker comes or goes and this is False."""
        return self._running

    def new_dispatch(
        self,
        target_user_count: int,  # noqa: ARG002 - Locust's signature; the course knows better
        spawn_rate: float,  # noqa: ARG002
        user_classes: list[type[User]] | None = None,  # noqa: ARG002
    ) -> None:
        """Begin to follow the course."""
        self._running = True
        self._placements = self._follow()

    def __next__(self) -> Placement:
        try:
            return next(self._placements)
        except StopIteration:
            self._running = False
            raise

    def add_worker(self, worker_node: WorkerNode) -> None:
        """A worker joined or came back."""
        self._known.add(worker_node.id)
        self._course.changed.set()

    def remove_worker(self, worker_node: WorkerNode) -> None:
        """A worker left or is missing: its users are placed on the others."""
        self._known.discard(worker_node.id)
        self._course.changed.set()

    def _follow(self) -> Iterator[Placement]:
        while (wanted := self._course.users()) is not None:
            self._course.changed.clear()
            changes = self._changes(wanted)
            wait = STEP_S if self._arrears else self._course.wait()
            self._course.placed(sum(wanted.values()), steady=wait >= LOOK_S)
            if changes:
                yield changes
            self._course.changed.wait(min(max(wait, STEP_S), LOOK_S))
        self._look_at_workers()
        # Locust must be given something, even if a resumed run was over at once; what nobody's name is on goes nowhere.
        yield self._told or {worker: dict.fromkeys(self._classes, 0) for worker in self._known or {NOBODY}}

    def _changes(self, wanted: Mapping[str, int]) -> Placement:
        """What to tell whom so that `wanted` users run; a lost worker's come back at the course's rate."""
        course = self._course
        self._arrears.pay(course.now(), course.rebalance_rate())
        workers, fresh = self._look_at_workers(wanted)
        if not workers:
            return {}
        users = {name: wanted.get(name, 0) for name in self._classes}
        arrange = settle if any(map(course.came_back, workers)) and not fresh else place
        placement = self._arrears.hold_back(self._told, arrange(self._told, workers, users))
        changes = {worker: groups for worker, groups in placement.items() if groups != self._told.get(worker)}
        self._told.update(changes)
        now = course.now()
        for worker in workers:
            if worker not in changes and course.missed(worker, self._told[worker], self._told_at.get(worker, now)):
                changes[worker] = self._told[worker]  # what it was told got lost
        self._told_at.update(dict.fromkeys(changes, now))
        return changes

    def _look_at_workers(self, wanted: Mapping[str, int] | None = None) -> tuple[list[str], bool]:
        """The workers that may take users, and whether one of them is new to the run.

        Users of those that are gone are owed; those of one that was in this run before us are taken as they are.
        """
        course = self._course
        eligible = set(course.workers())
        workers = [worker for worker in sorted(self._known) if worker in eligible]
        for gone in self._told.keys() - workers:
            self._arrears.owe(self._told.pop(gone))
        newcomers = [worker for worker in workers if worker not in self._told]
        adopted = {worker: dict(course.running(worker)) for worker in newcomers if course.running(worker)}
        for worker, users in adopted.items():
            self._told[worker] = {name: users.get(name, 0) for name in self._classes}
            self._told_at[worker] = course.now()
        if adopted and wanted is not None:
            there = {name: sum(groups[name] for groups in self._told.values()) for name in self._classes}
            self._arrears.owe({name: max(0, wanted.get(name, 0) - there[name]) for name in self._classes})
        return workers, any(worker not in adopted and not course.came_back(worker) for worker in newcomers)


def dispatcher_for(course: Course) -> Callable[..., Dispatcher]:
    """What to set as `environment.dispatcher_class`."""

    def build(worker_nodes: list[WorkerNode], user_classes: list[type[User]]) -> Dispatcher:
        return Dispatcher(worker_nodes, user_classes, course)

    return build
