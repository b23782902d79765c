import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.schedule import Arrivals, Part, Phase, Plan, Pool, Stage

BURST = Plan.over_total(
    [Stage.ramp(800, 30), Stage.hold(120), Stage.ramp(0, 30)], {"subscribers": Part(share=3), "pollers": Part(share=5)}
)

stages = st.one_of(
    st.builds(Stage.ramp, st.integers(0, 500), st.floats(0, 50)),
    st.builds(Stage.hold, st.floats(0, 50)),
    st.builds(Stage.step, st.integers(0, 500)),
    st.builds(Stage.spike, st.integers(0, 500), st.floats(0.01, 50)),
)
parts = st.one_of(st.builds(Part, st.integers(1, 20)), st.builds(Part, st.none(), st.floats(0.1, 9)))
plans = st.one_of(
    st.builds(
        Plan.over_total,
        st.lists(stages, min_size=1, max_size=6),
        st.dictionaries(st.text("abc", min_size=1), parts, min_size=1, max_size=4),
    ),
    st.builds(
        Plan.per_group,
        st.dictionaries(st.text("abc", min_size=1), st.lists(stages, max_size=4), min_size=1, max_size=3),
    ),
)


def total_at(plan: Plan, t: float) -> int:
    return sum(plan.users_at(t).values())


@pytest.mark.parametrize(
    ("t", "subscribers", "pollers"),
    [
        (-1, 0, 0),  # not begun
        (0, 0, 0),
        (15, 150, 250),  # half way up
        (29.99, 300, 500),  # 799.7 rounds to all of them
        (30, 300, 500),
        (150, 300, 500),
        (165, 150, 250),  # half way down
        (179.99, 0, 0),
        (180, 0, 0),  # over
        (math.inf, 0, 0),
    ],
)
def test_users_follow_the_stages(t: float, subscribers: int, pollers: int) -> None:
    assert BURST.users_at(t) == {"subscribers": subscribers, "pollers": pollers}


def test_ten_users_in_ten_seconds_come_in_the_middle_of_each_second() -> None:
    plan = Plan.over_total([Stage.ramp(10, 10), Stage.hold(1)], {"a": Part()})
    arrivals = [t / 1000 for t in range(11_000) if total_at(plan, t / 1000) > total_at(plan, (t - 1) / 1000)]
    assert arrivals == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5]


def test_a_spike_ends_where_it_began() -> None:
    plan = Plan.over_total([Stage.step(10), Stage.hold(5), Stage.spike(100, 2), Stage.hold(3)], {"a": Part()})
    assert [total_at(plan, t) for t in (4.9, 5, 6.9, 7, 9.9, 10)] == [10, 100, 100, 10, 10, 0]


def test_stages_per_group_run_side_by_side_and_the_shorter_one_stays() -> None:
    plan = Plan.per_group({"a": [Stage.ramp(10, 10)], "b": [Stage.hold(10), Stage.ramp(4, 4), Stage.hold(6)]})
    assert [tuple(plan.users_at(t).values()) for t in (5, 10, 12, 19.9, 20)] == [
        (5, 0),
        (10, 0),
        (10, 2),
        (10, 4),
        (0, 0),
    ]
    assert (plan.peak, plan.duration) == (14, 20)


def test_the_peak_is_reached_by_all_groups_together_and_not_by_each_alone() -> None:
    plan = Plan.per_group(
        {
            "a": [Stage.step(10), Stage.hold(5), Stage.step(0), Stage.hold(5)],
            "b": [Stage.hold(5), Stage.step(7), Stage.hold(5)],
        }
    )
    assert plan.peak == 10


@pytest.mark.parametrize(
    ("plan", "t", "phase"),
    [
        (BURST, -1, "ramp-up"),
        (BURST, 0, "ramp-up"),
        (BURST, 30, "plateau"),
        (BURST, 150, "ramp-down"),
        (BURST, 500, "ramp-down"),  # over
        (Plan.over_total([Stage.hold(5), Stage.step(1), Stage.hold(5)], {"a": Part()}), 2, "ramp-up"),  # nobody yet
        (Plan.over_total([Stage.hold(5), Stage.step(1), Stage.hold(5)], {"a": Part()}), 5, "plateau"),
        (Plan.over_total([Stage.spike(1, 5), Stage.hold(5)], {"a": Part()}), 6, "ramp-down"),  # nobody any more
        (
            Plan.per_group({"a": [Stage.ramp(9, 9), Stage.ramp(0, 9)], "b": [Stage.hold(9), Stage.ramp(9, 9)]}),
            10,
            "ramp-up",
        ),  # as long as anybody comes
    ],
)
def test_the_phase_says_whether_users_come_stay_or_leave(plan: Plan, t: float, phase: Phase) -> None:
    assert plan.phase_at(t) == phase


@pytest.mark.parametrize(
    ("users", "t", "expected"),
    [
        (80, 100, {"subscribers": 30, "pollers": 50}),
        (8000, 15, {"subscribers": 1500, "pollers": 2500}),
        (1, 100, {"subscribers": 0, "pollers": 1}),  # the larger group first
        (7, 100, {"subscribers": 3, "pollers": 4}),
    ],
)
def test_another_peak_keeps_the_proportions(users: int, t: float, expected: dict[str, int]) -> None:
    assert BURST.scaled(users=users).users_at(t) == expected
    assert BURST.scaled(users=users).peak == users


def test_another_duration_stretches_every_stage() -> None:
    plan = BURST.scaled(duration=18)
    assert plan.duration == 18
    assert [total_at(plan, t) for t in (1.5, 3, 15, 16.5)] == [400, 800, 800, 400]


@pytest.mark.parametrize(
    ("plan", "change"),
    [
        (Plan.over_total([Stage.hold(5)], {"a": Part()}), {"users": 5}),  # nobody to multiply
        (BURST, {"users": 0}),
        (Plan.over_total([Stage.step(5)], {"a": Part()}), {"duration": 5.0}),  # no time to stretch
        (BURST, {"duration": 0.0}),
    ],
)
def test_what_cannot_be_scaled_says_so(plan: Plan, change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="only"):
        plan.scaled(**change)  # type: ignore[arg-type]


def test_a_capped_plan_keeps_its_plateau_and_takes_longer() -> None:
    plan = BURST.capped(10)
    assert plan.duration == 80 + 120 + 30
    assert [total_at(plan, t) for t in (40, 80, 199, 215)] == [400, 800, 800, 400]


def test_a_cap_on_stages_per_group_holds_for_all_of_them_together() -> None:
    plan = Plan.per_group({"a": [Stage.step(30), Stage.hold(9)], "b": [Stage.step(10), Stage.hold(9)]}).capped(4)
    assert plan.users_at(5) == {"a": 15, "b": 5}


def test_a_cap_has_to_let_somebody_in() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        BURST.capped(0)


def test_a_plan_that_is_cut_short_ends_there_and_peaks_below() -> None:
    plan = BURST.ends_at(15)
    assert (plan.duration, plan.peak, total_at(plan, 14.99), total_at(plan, 15)) == (15, 400, 400, 0)
    assert BURST.ends_at(1000).duration == 180


def test_a_plan_that_was_cut_short_is_scaled_by_its_whole_shape() -> None:
    plan = BURST.ends_at(15).scaled(users=80, duration=30)
    assert (plan.duration, plan.peak) == (30, 40)


def test_the_steepest_ramp_counts_users_a_second_and_a_step_is_steeper_than_any() -> None:
    assert BURST.steepest() == pytest.approx(800 / 30)
    assert Plan.over_total([Stage.step(5), Stage.hold(5)], {"a": Part()}).steepest() == math.inf


@settings(deadline=None)
@given(plans, st.floats(0, 300))
def test_users_are_the_rounded_total_and_never_more_than_the_peak(plan: Plan, t: float) -> None:
    users = plan.users_at(t)
    assert tuple(users) == plan.groups
    assert all(n >= 0 for n in users.values())
    assert sum(users.values()) <= plan.peak
    if t < plan.duration:
        assert sum(users.values()) == sum(track.level(t) for track in plan.tracks)


@settings(deadline=None)
@given(plans, st.floats(0, 300), st.floats(0, 0.999))
def test_nothing_changes_before_the_next_change(plan: Plan, t: float, part: float) -> None:
    change = plan.next_change(t)
    if change is None:
        assert t >= plan.duration
    else:
        assert t < change <= plan.duration
        assert plan.users_at(t + (change - t) * part) == plan.users_at(t)


@settings(deadline=None)
@given(st.integers(2, 800), st.floats(0, 30), st.floats(0, 30))
def test_a_ramp_up_takes_no_user_away_from_a_group(users: int, one: float, other: float) -> None:
    plan = BURST.scaled(users=users)
    before, after = plan.users_at(min(one, other)), plan.users_at(max(one, other))
    assert all(before[group] <= after[group] for group in plan.groups)


@settings(deadline=None)
@given(plans, st.integers(1, 1000))
def test_a_scaled_total_peaks_exactly_where_it_was_told_to(plan: Plan, users: int) -> None:
    if plan.peak and len(plan.tracks) == 1:
        assert plan.scaled(users=users).peak == users


def test_a_large_plan_answers_in_well_below_a_millisecond() -> None:
    plan = Plan.over_total([Stage.ramp(60_000, 300)], {f"g{i}": Part(share=i + 1.37) for i in range(10)})
    best = math.inf
    for _ in range(20):  # the best of many, since others use this machine too
        start = time.perf_counter()
        plan.users_at(123.4)
        best = min(best, time.perf_counter() - start)
    assert best < 0.001


def test_a_plan_prints_its_size() -> None:
    assert str(BURST) == "800 users at most, 3m"


POOL = Pool(100, Arrivals.of([Stage.ramp(200, 10), Stage.hold(30)]))


def test_a_pool_is_there_from_the_beginning_to_the_end() -> None:
    plan = Plan.over_total([Stage.ramp(10, 20), Stage.hold(40)], {"a": Part()}).beside({"visitors": POOL})
    assert plan.users_at(0) == {"a": 0, "visitors": 100}
    assert plan.users_at(59.9) == {"a": 10, "visitors": 100}
    assert plan.users_at(60) == {"a": 0, "visitors": 0}
    assert (plan.peak, plan.connections, plan.duration) == (10, 100, 60)


def test_a_plan_lasts_until_the_stages_of_load_and_rates_are_over() -> None:
    plan = Plan.over_total([Stage.hold(20)], {}).beside({"visitors": POOL})
    assert (plan.duration, plan.arrivals["visitors"].total) == (40, 1000 + 200 * 30)
    assert plan.ends_at(30).arrivals["visitors"].total == 1000 + 200 * 20


@pytest.mark.parametrize(("t", "phase"), [(5, "ramp-up"), (15, "plateau"), (45, "ramp-down")])
def test_a_rate_has_phases_like_users(t: float, phase: Phase) -> None:
    pool = Pool(1, Arrivals.of([Stage.ramp(200, 10), Stage.hold(30), Stage.ramp(0, 10)]))
    assert Plan.over_total([Stage.hold(50)], {}).beside({"visitors": pool}).phase_at(t) == phase


def test_rescaling_users_leaves_pools_alone() -> None:
    plan = Plan.over_total([Stage.ramp(10, 20), Stage.hold(20)], {"a": Part()}).beside({"visitors": POOL})
    rescaled = plan.scaled(users=40)
    assert rescaled.users_at(30) == {"a": 40, "visitors": 100}
    assert rescaled.arrivals == plan.arrivals
    assert rescaled.capped(0.1).users_at(1)["visitors"] == 100


def test_rescaling_the_length_keeps_the_rates() -> None:
    plan = Plan.over_total([Stage.hold(40)], {}).beside({"visitors": POOL}).scaled(duration=20)
    assert plan.arrivals["visitors"].total == 500 + 200 * 15
    assert str(plan) == "100 connections for 200 requests/s at most, 20s"
