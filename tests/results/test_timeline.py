"""results/timeline.py: a run second by second, and the parts of a Summary that are made of it."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.histogram import Histogram
from loadtest.results import Measured, Record, Summary, Timeline


def gap(*seconds: float) -> Measured:
    times = Histogram()
    for value in seconds:
        times.record(value)
    return Measured("g", "websocket", "gap", "/ws", len(seconds), 0, 0, times.to_wire() if seconds else None)


def record(worker: str, second: int, **rest: Any) -> Record:
    base = Record("r1", worker, 0, second, second, [], {}, {}, {}, {})
    return msgspec.structs.replace(base, **rest)


def run(seconds: range = range(10)) -> Summary:
    """Two workers; in second n there are two gaps of n ms and n messages each; users come until 3 and leave from 8."""
    summary = Summary("r1")
    summary.follow(lambda t: "ramp-up" if t < 3 else "plateau" if t < 8 else "ramp-down", 10.0)
    for second in seconds:
        for worker in ("w1", "w2"):
            summary.add(
                record(
                    worker,
                    second,
                    series=[gap(second / 1000)],
                    counters={"g": {"messages": second}},
                    errors={"g": {"late": 1}},
                    gauges={"g": {"users": 5, "open": 4}},
                    health={"clock_error": 0.001 * second},
                )
            )
    return summary


def test_a_second_tells_what_all_workers_said_of_it() -> None:
    second = run().timeline[4]
    assert (second.second, second.phase, second.gauge("users"), second.gauge("open")) == (4, "plateau", 10, 8)
    assert second.health == {"w1": {"clock_error": 0.004}, "w2": {"clock_error": 0.004}}
    assert second.totals.counted("g", "messages") == 8
    assert second.totals.histogram("g", "gap").count == 2


@pytest.mark.parametrize(
    ("phase", "seconds"), [("ramp", [0, 1, 2]), ("plateau", [3, 4, 5, 6, 7]), ("all", list(range(10)))]
)
def test_a_phase_is_summed_apart(phase: Any, seconds: list[int]) -> None:
    part = run().during(phase)
    assert list(part.seconds) == seconds
    assert part.counted(None, "messages") == 2 * sum(seconds)
    assert part.histogram(None, "gap").count == part.attempts(None, "gap") == 2 * len(seconds)
    assert part.errors["g"]["late"] == 2 * len(seconds)
    assert part.clock_error() == pytest.approx(0.001 * seconds[-1])


def test_a_window_is_summed_apart_and_a_part_of_it_that_was_not_run_is_empty() -> None:
    part = run().window(4, 6)
    assert part.histogram(None, "gap").max == pytest.approx(0.006)
    assert part.histogram(None, "gap").min == pytest.approx(0.004)
    assert list(run().window(8, 12).seconds) == [8, 9]


def test_every_window_of_a_phase_equals_the_one_that_is_summed_alone() -> None:
    summary = run()
    found = list(summary.windows("plateau", 3))
    assert [last for last, _ in found] == [5, 6, 7]
    for last, part in found:
        alone = summary.window(last - 2, last)
        assert part.histogram(None, "gap") == alone.histogram(None, "gap")
        assert part.counted("websocket", "messages") == alone.counted("websocket", "messages")
        assert part.error_ratio(None) == alone.error_ratio(None)
        assert (list(part.seconds), part.clock_error()) == (list(alone.seconds), alone.clock_error())


def test_a_second_of_which_nothing_is_known_is_a_second_all_the_same() -> None:
    summary = run(range(4))
    summary.add(record("w1", 6, counters={"g": {"messages": 1}}))
    assert list(summary.seconds) == [0, 1, 2, 3, 4, 5, 6]
    assert summary.timeline[5].health == {}
    assert summary.timeline[5].totals.counted(None, "messages") == 0
    assert summary.window(4, 6).counted(None, "messages") == 1


def test_what_comes_after_the_plan_is_counted_and_no_second_of_the_run() -> None:
    summary = run(range(12))
    assert list(summary.seconds)[-1] == 9
    assert summary.counted(None, "messages") == 2 * sum(range(12))


def test_a_run_without_a_plan_is_all_plateau() -> None:
    summary = Summary("r1")
    summary.add(record("w1", 0))
    assert [second.phase for second in summary.timeline] == ["plateau"]
    assert list(Timeline().seconds) == []


@pytest.mark.parametrize(
    ("begin", "end", "phase"),
    [
        (3.0, 8.0, "plateau"),  # exactly this second and others
        (4.5, 8.0, "ramp-up"),  # users still come in its first half
        (3.0, 4.8, "ramp-down"),  # they leave in its last fifth
        (4.2, 4.8, "ramp-up"),  # both: arrival disturbs more
    ],
)
def test_a_second_is_plateau_only_if_all_of_it_is(begin: float, end: float, phase: str) -> None:
    summary = Summary("r1")
    summary.follow(lambda t: "ramp-up" if t < begin else "plateau" if t < end else "ramp-down", 10.0)
    assert summary.timeline.phase(4) == phase


def state(summary: Summary) -> Any:
    """Everything that can be asked of a run."""
    parts = [summary, summary.during("ramp"), summary.during("plateau"), summary.window(2, 30), summary.window(5, 5)]
    parts += [part for _, part in summary.windows("plateau", 4)]
    seconds = [
        (s.second, s.phase, {g: dict(c) for g, c in s.gauges.items()}, s.health, s.totals.counted(None, "messages"))
        for s in summary.timeline
    ]
    workers = [
        (name, w.messages, w.peak_users, w.worst, w.totals.series) for name, w in sorted(summary.workers.items())
    ]
    return (
        seconds,
        workers,
        [(p.series, p.counters, p.errors, p.kinds, p.clock_error(), list(p.seconds)) for p in parts],
    )


def test_phases_are_told_before_records_are_added() -> None:
    with pytest.raises(ValueError, match="must know its plan"):
        run().follow(lambda _t: "plateau", 1.0)


@settings(max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(0, 40))
def test_late_repeated_and_reordered_records_give_what_those_in_order_give(
    chance: random.Random, repeated: int
) -> None:
    records = [
        record(
            worker,
            second,
            series=[gap(*(chance.uniform(1e-6, 1.0) for _ in range(chance.randrange(4))))],
            counters={"g": {"messages": chance.randrange(5)}},
            errors={"g": {chance.choice(["a", "b"]): 1}},
            gauges={"g": {"users": second, "open": 1}},
            health={"cpu": chance.random(), "clock_error": chance.random()},
        )
        for second in range(12)
        for worker in ("w1", "w2", "w3")
    ]

    def summed(sequence: list[Record]) -> Summary:
        summary = Summary("r1")
        summary.follow(lambda t: "ramp-up" if t < 4 else "plateau" if t < 9 else "ramp-down", 11.0)
        for each in sequence:
            summary.add(each)
        return summary

    shuffled = records + records[:repeated]
    chance.shuffle(shuffled)
    assert state(summed(shuffled)) == state(summed(records))


def test_eight_hours_of_eight_workers_fit_into_memory() -> None:
    chance = random.Random(1)
    measured = [gap(*(chance.lognormvariate(-5, 0.6) for _ in range(50))) for _ in range(40)]
    summary = Summary("r1")
    seconds = 40
    for second in range(seconds):
        for worker in range(8):
            series = [msgspec.structs.replace(chance.choice(measured), name=f"/{name}") for name in range(10)]
            health = {name: chance.random() for name in ("cpu", "lag_max", "throttled", "gc", "descriptors", "ports")}
            counters = {"g": {"messages": chance.randrange(10_000), "received_bytes": chance.randrange(10**7)}}
            summary.add(record(f"w{worker}", second, series=series, counters=counters, health=health))
    assert summary.timeline.size > 1000  # it is packed at all
    assert summary.timeline.size / seconds * 8 * 3600 < 150e6
