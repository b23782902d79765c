"""swarm/dispatch.py: one dispatch for a whole run, following the plan and the workers."""

import math
from collections.abc import Mapping

from locust import User, runners
from locust.runners import WorkerNode

import gevent
import pytest
from gevent.event import Event

from loadtest.swarm.dispatch import Dispatcher


class Subscriber(User):
    abstract = True


class Poller(User):
    abstract = True


class ScriptedCourse:
    """Wants what it is told; `users_now` is changed by the test, None ends it."""

    def __init__(self, users: Mapping[str, int] | None, workers: list[str]) -> None:
        self.changed = Event()
        self.users_now = users
        self.workers_now = workers
        self.told: list[tuple[int, bool]] = []
        self.clock = 0.0
        self.rate = math.inf
        self.found: dict[str, dict[str, int]] = {}
        self.returned: set[str] = set()
        self.deaf: set[str] = set()

    def users(self) -> Mapping[str, int] | None:
        return self.users_now

    def wait(self) -> float:
        return 60.0

    def workers(self) -> list[str]:
        return self.workers_now

    def now(self) -> float:
        return self.clock

    def rebalance_rate(self) -> float:
        return self.rate

    def running(self, worker: str) -> Mapping[str, int]:
        return self.found.get(worker, {})

    def missed(self, worker: str, told: Mapping[str, int], at: float) -> bool:
        return worker in self.deaf and bool(told) and at <= self.clock

    def came_back(self, worker: str) -> bool:
        return worker in self.returned

    def placed(self, wanted: int, *, steady: bool) -> None:
        self.told.append((wanted, steady))

    def want(self, users: Mapping[str, int] | None) -> None:
        self.users_now = users
        self.changed.set()


def dispatcher(course: ScriptedCourse, *nodes: str) -> Dispatcher:
    made = Dispatcher([WorkerNode(node) for node in nodes], [Subscriber, Poller], course)
    made.new_dispatch(1, 1.0)
    return made


@pytest.fixture(autouse=True)
def _bounded() -> object:
    with gevent.Timeout(10.0):
        yield


def test_the_first_placement_names_every_worker_and_every_class() -> None:
    course = ScriptedCourse({"Subscriber": 3}, ["w1", "w2"])
    assert next(dispatcher(course, "w1", "w2")) == {
        "w1": {"Subscriber": 2, "Poller": 0},
        "w2": {"Subscriber": 1, "Poller": 0},
    }


def test_only_workers_whose_users_change_are_told() -> None:
    course = ScriptedCourse({"Subscriber": 2}, ["w1", "w2"])
    following = dispatcher(course, "w1", "w2")
    next(following)
    gevent.spawn(course.want, {"Subscriber": 3})
    assert next(following) == {"w1": {"Subscriber": 2, "Poller": 0}}


def test_nobody_is_told_anything_while_nothing_changes() -> None:
    course = ScriptedCourse({"Subscriber": 2}, ["w1"])
    following = dispatcher(course, "w1")
    next(following)
    gevent.spawn_later(0.05, course.changed.set)  # a look at the plan that finds nothing new
    gevent.spawn_later(0.1, course.want, {"Subscriber": 5})
    assert next(following) == {"w1": {"Subscriber": 5, "Poller": 0}}


def test_a_joining_worker_gets_its_share_and_a_lost_one_leaves_it_to_the_others() -> None:
    course = ScriptedCourse({"Subscriber": 4}, ["w1", "w2"])
    following = dispatcher(course, "w1")
    assert next(following) == {"w1": {"Subscriber": 4, "Poller": 0}}
    gevent.spawn(following.add_worker, WorkerNode("w2"))
    assert next(following) == {"w1": {"Subscriber": 2, "Poller": 0}, "w2": {"Subscriber": 2, "Poller": 0}}
    gevent.spawn(following.remove_worker, WorkerNode("w1"))
    assert next(following) == {"w2": {"Subscriber": 4, "Poller": 0}}


def test_a_worker_that_locust_knows_but_the_session_has_not_let_in_gets_nobody() -> None:
    course = ScriptedCourse({"Subscriber": 4}, ["w1"])
    assert next(dispatcher(course, "w1", "stranger")) == {"w1": {"Subscriber": 4, "Poller": 0}}


def test_without_workers_it_waits_for_one() -> None:
    course = ScriptedCourse({"Subscriber": 1}, [])
    following = dispatcher(course, "w1")

    def arrive() -> None:
        course.workers_now = ["w1"]
        course.changed.set()

    gevent.spawn(arrive)
    assert next(following) == {"w1": {"Subscriber": 1, "Poller": 0}}


def test_the_end_yields_every_worker_once_more_because_locust_adds_up_the_last() -> None:
    course = ScriptedCourse({"Subscriber": 2}, ["w1", "w2"])
    following = dispatcher(course, "w1", "w2")
    next(following)
    gevent.spawn(course.want, None)
    assert sum(groups["Subscriber"] for groups in next(following).values()) == 2
    assert following.dispatch_in_progress
    with pytest.raises(StopIteration):
        next(following)
    assert not following.dispatch_in_progress


@pytest.mark.parametrize("known", [["w1", "w2"], []])
def test_a_run_that_is_resumed_after_its_plan_yields_once_because_locust_cannot_do_without(known: list[str]) -> None:
    following = dispatcher(ScriptedCourse(None, known), *known)
    (only,) = following
    assert sum(sum(groups.values()) for groups in only.values()) == 0
    assert runners._aggregate_dispatched_users(only) == {"Subscriber": 0, "Poller": 0}
    assert set(only) == set(known or [""])


def test_the_course_is_told_what_is_wanted_and_whether_it_will_stay() -> None:
    course = ScriptedCourse({"Subscriber": 2, "Poller": 3}, ["w1"])
    next(dispatcher(course, "w1"))
    assert course.told == [(5, True)]


def test_a_lost_worker_s_users_are_placed_at_the_course_s_rate() -> None:
    course = ScriptedCourse({"Subscriber": 4}, ["w1", "w2"])
    course.rate = 1.0
    following = dispatcher(course, "w1", "w2")
    next(following)
    course.workers_now = ["w2"]
    gevent.spawn_later(0.01, following.remove_worker, WorkerNode("w1"))
    gevent.spawn_later(0.05, setattr, course, "clock", 1.0)
    assert next(following) == {"w2": {"Subscriber": 3, "Poller": 0}}
    gevent.spawn_later(0.01, setattr, course, "clock", 2.0)
    assert next(following) == {"w2": {"Subscriber": 4, "Poller": 0}}


def test_a_worker_that_came_back_gets_no_user_of_another() -> None:
    course = ScriptedCourse({"Subscriber": 4}, ["w1"])
    following = dispatcher(course, "w1")
    next(following)
    course.returned = {"w2"}
    course.workers_now = ["w1", "w2"]
    gevent.spawn(following.add_worker, WorkerNode("w2"))
    assert next(following) == {"w2": {"Subscriber": 0, "Poller": 0}}
    gevent.spawn(course.want, {"Subscriber": 6})
    assert next(following) == {"w2": {"Subscriber": 2, "Poller": 0}}


def test_users_that_run_already_when_a_new_master_begins_stay_where_they_are() -> None:
    course = ScriptedCourse({"Subscriber": 7}, ["w1", "w2"])
    course.rate = 1.0
    course.found = {"w1": {"Subscriber": 4}, "w2": {"Subscriber": 1}}
    following = dispatcher(course, "w1", "w2")
    gevent.spawn_later(0.05, setattr, course, "clock", 1.0)
    assert next(following) == {"w2": {"Subscriber": 2, "Poller": 0}}
    gevent.spawn_later(0.05, setattr, course, "clock", 2.0)
    assert next(following) == {"w2": {"Subscriber": 3, "Poller": 0}}


def test_a_worker_that_missed_what_it_was_told_is_told_again_and_nobody_else() -> None:
    course = ScriptedCourse({"Subscriber": 4}, ["w1", "w2"])
    following = dispatcher(course, "w1", "w2")
    next(following)
    course.deaf = {"w2"}
    course.changed.set()
    assert next(following) == {"w2": {"Subscriber": 2, "Poller": 0}}
