"""collecting.py: when objects are put out of the garbage collector's sight, and brought back."""

import gc
from typing import Literal

from loadtest.swarm.collecting import GROWN, LOOK_EVERY, SPARE, Callback, Collecting

PHASES: tuple[Literal["start", "stop"], ...] = ("start", "stop")
EACH = 60
"""Objects of a user."""


class Collector:
    """Python's, as far as it is used; `there` objects are known, `hidden` are out of sight."""

    def __init__(self) -> None:
        self.there = self.hidden = self.garbage = self.most = 0
        self.did: list[str] = []
        self.callbacks: list[Callback] = []

    def freeze(self) -> None:
        self.did.append("freeze")
        self.hidden, self.there = self.hidden + self.there, 0

    def unfreeze(self) -> None:
        self.did.append("unfreeze")
        self.there, self.hidden = self.there + self.hidden, 0

    def collect(self, generation: int = 2, /) -> int:
        self.did.append(f"collect {generation}")
        self.there -= self.garbage
        self.garbage = 0
        return 0

    def get_freeze_count(self) -> int:
        return self.hidden

    def make(self, objects: int) -> None:
        """As Python does: 7,000 new ones are looked at twice before they are taken for old."""
        for _ in range(objects // 7000):
            for generation in [0] * 10 + [1]:
                for phase in PHASES:
                    for each in list(self.callbacks):
                        each(phase, {"generation": generation})
            self.there += 7000
            self.most = max(self.most, self.there)


def test_users_that_come_all_at_once_are_out_of_sight_before_they_are_many() -> None:
    collector, users = Collector(), [0]
    collecting = Collecting(lambda: users[0], collector)
    collecting.look()
    assert collector.did == []
    collecting.begin()
    collecting.begin()  # a second life of the run
    collector.make(10_000 * EACH)  # within a second
    assert collector.most <= (GROWN + 1) * 7000
    assert set(collector.did) == {"freeze"}  # nothing that stops a worker for long
    users[0] = 10_000
    collecting.look()
    users[0] = 0
    collecting.look()
    assert (collector.did[-1], collector.hidden, collector.callbacks) == ("unfreeze", 0, [])


def test_a_run_whose_users_have_not_come_yet_goes_on() -> None:
    collector = Collector()
    collecting = Collecting(lambda: 0, collector)
    collecting.begin()
    for _ in range(2 * LOOK_EVERY):
        collecting.look()
    assert len(collector.callbacks) == 1
    assert collector.did == []


def test_connections_that_come_and_go_are_no_reason_to_look_at_everything_and_what_stays_in_cycles_is() -> None:
    collector, users = Collector(), 1000
    collecting = Collecting(lambda: users, collector)
    collecting.begin()
    collector.make(users * EACH)
    for _ in range(20 * LOOK_EVERY):  # freed without it
        collector.make(28_000)
        collecting.look()
        collector.hidden = min(collector.hidden, users * EACH)
        collector.there = 0
    assert "collect 2" not in collector.did
    most = 0
    for _ in range(20 * LOOK_EVERY):
        collector.make(28_000)
        collector.garbage += 28_000
        most = max(most, collector.hidden)
        collecting.look()
    assert "collect 2" in collector.did
    assert collector.hidden < most < 2 * users * EACH + SPARE + (LOOK_EVERY + 2) * 28_000


def test_python_s_own_collector_does_what_is_asked_of_it() -> None:
    users, before = [1], gc.get_freeze_count()
    collecting = Collecting(lambda: users[0])
    collecting.begin()
    kept = [[number] for number in range(200_000)]
    assert gc.get_freeze_count() - before > len(kept) / 2
    collecting.look()
    users[0] = 0
    collecting.look()
    assert gc.get_freeze_count() == 0
    assert not any(getattr(each, "__self__", None) is collecting for each in gc.callbacks)


def test_users_that_come_after_a_valley_without_any_are_put_out_of_sight_again() -> None:
    collector, users = Collector(), [10]
    collecting = Collecting(lambda: users[0], collector)
    collecting.begin()
    collecting.look()
    users[0] = 0
    collecting.look()
    assert collector.callbacks == []
    users[0] = 10
    collecting.look()
    collector.did.clear()
    collector.make(10_000 * EACH)
    assert "freeze" in collector.did
    users[0] = 0
    collecting.look()
    assert collector.callbacks == []
