"""placement.py: even, and with as few moves as possible."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.placement import Arrears, moves, place, settle

GROUPS = ("subscribers", "pollers")
WORKERS = [f"w{i}" for i in range(8)]

counts = st.fixed_dictionaries({group: st.integers(0, 400) for group in GROUPS})
some_workers = st.sets(st.sampled_from(WORKERS), min_size=1).map(sorted)


@given(some_workers, counts)
def test_every_user_is_placed_and_each_group_is_even_to_within_one(workers: list[str], target: dict[str, int]) -> None:
    placement = place({}, workers, target)
    for group, users in target.items():
        shares = [placement[worker][group] for worker in workers]
        assert sum(shares) == users
        assert max(shares) - min(shares) <= 1


@given(some_workers, counts)
def test_a_worker_runs_at_most_one_user_more_than_its_share_of_all_groups_together_needs(
    workers: list[str], target: dict[str, int]
) -> None:
    totals = [sum(groups.values()) for groups in place({}, workers, target).values()]
    assert max(totals) - min(totals) <= 1


@given(some_workers, counts)
def test_the_same_target_again_moves_nobody(workers: list[str], target: dict[str, int]) -> None:
    placement = place({}, workers, target)
    assert place(placement, workers, target) == placement


@given(some_workers, counts, counts)
def test_a_growing_load_stops_nobody(workers: list[str], target: dict[str, int], more: dict[str, int]) -> None:
    before = place({}, workers, target)
    after = place(before, workers, {group: target[group] + more[group] for group in GROUPS})
    assert moves(before, after) == 0


@given(some_workers.filter(lambda workers: len(workers) > 1), counts)
def test_a_lost_worker_stops_nobody_on_the_others(workers: list[str], target: dict[str, int]) -> None:
    before = place({}, workers, target)
    assert moves(before, place(before, workers[1:], target)) == 0


@pytest.mark.parametrize(
    ("workers", "joined", "expected"),
    [
        (["w0"], ["w1"], 200),  # half of 400 must go to the new one
        (["w0", "w1"], ["w2", "w3", "w4", "w5", "w6", "w7"], 298),  # a quarter stays: 13 of 12.5 and 38 of 37.5, twice
        (["w0", "w1", "w2"], [], 0),  # nobody came
    ],
)
def test_a_joining_worker_takes_no_more_than_its_even_share(
    workers: list[str], joined: list[str], expected: int
) -> None:
    target = {"subscribers": 100, "pollers": 300}
    before = place({}, workers, target)
    assert moves(before, place(before, workers + joined, target)) == expected


def test_eight_workers_to_seven_with_800_users_in_two_groups_stops_nobody() -> None:
    """Locust's own dispatcher stopped 287 of them."""
    before = place({}, WORKERS, {"subscribers": 300, "pollers": 500})
    assert moves(before, place(before, WORKERS[:7], {"subscribers": 300, "pollers": 500})) == 0


def test_without_workers_nobody_is_placed() -> None:
    assert place({}, [], {"subscribers": 3}) == {}


@given(some_workers, counts, counts)
def test_settling_reaches_the_target_and_never_both_starts_and_stops(
    workers: list[str], before: dict[str, int], target: dict[str, int]
) -> None:
    current = place({}, workers[: len(workers) // 2 + 1], before)
    after = settle(current, workers, target)
    for group in GROUPS:
        changes = [after[w][group] - current.get(w, {}).get(group, 0) for w in workers]
        assert sum(after[w][group] for w in workers) == target[group]
        assert all(change >= 0 for change in changes) or all(change <= 0 for change in changes)


def test_settling_fills_a_worker_that_came_back_before_the_others_and_moves_nobody_to_it() -> None:
    current = {"w0": {"g": 15}, "w1": {"g": 15}}
    assert settle(current, ["w0", "w1", "w2"], {"g": 30}) == {"w0": {"g": 15}, "w1": {"g": 15}, "w2": {"g": 0}}
    assert settle(current, ["w0", "w1", "w2"], {"g": 42}) == {"w0": {"g": 15}, "w1": {"g": 15}, "w2": {"g": 12}}


def test_users_of_a_lost_worker_come_back_at_the_rate_and_are_spread_evenly() -> None:
    told = {"w0": {"g": 25}, "w1": {"g": 25}, "w2": {"g": 25}}
    arrears = Arrears()
    arrears.pay(10.0, 5.0)
    arrears.owe({"g": 25})
    seen = []
    for now in (10.0, 11.0, 13.0, 15.0, 16.0):
        arrears.pay(now, 5.0)
        told = arrears.hold_back(told, place(told, ["w0", "w1", "w2"], {"g": 100}))
        seen.append([told[w]["g"] for w in ("w0", "w1", "w2")])
    assert [sum(counts) for counts in seen] == [75, 80, 90, 100, 100]
    assert all(max(counts) - min(counts) <= 1 for counts in seen)
    assert not arrears


@pytest.mark.parametrize(
    ("rate", "placed"),
    [
        (math.inf, 100),  # a plan that steps up: at once
        (0.0, 75),  # nobody takes their place
    ],
)
def test_the_rate_may_be_all_at_once_or_never(rate: float, placed: int) -> None:
    told = {"w0": {"g": 75}}
    arrears = Arrears()
    arrears.owe({"g": 25})
    arrears.pay(1000.0, rate)
    assert arrears.hold_back(told, place(told, ["w0"], {"g": 100})) == {"w0": {"g": placed}}


def test_what_the_plan_does_not_want_any_more_is_not_owed_and_a_ramp_goes_on_meanwhile() -> None:
    told = {"w0": {"g": 75}}
    arrears = Arrears()
    arrears.owe({"g": 25})
    assert arrears.hold_back(told, place(told, ["w0"], {"g": 110})) == {"w0": {"g": 85}}  # the plan's own ten
    assert arrears.hold_back(told, place(told, ["w0"], {"g": 60})) == {"w0": {"g": 60}}  # a ramp down stops as it would
    assert not arrears
    assert arrears.hold_back(told, place(told, ["w0"], {"g": 100})) == {"w0": {"g": 100}}
