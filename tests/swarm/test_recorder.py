"""swarm/recorder.py: what happened in a second, once."""

import msgspec
import pytest

from loadtest.clock import SystemClock
from loadtest.histogram import Histogram
from loadtest.results import Record
from loadtest.swarm.recorder import NAMES_PER_GROUP, OTHER, Recorder


def taken(recorder: Recorder, second: int = 0) -> Record:
    return recorder.take("r1", "w1", (0, second), second, {"cpu": 0.1})


def test_a_second_holds_what_was_recorded_in_it_and_the_next_begins_anew() -> None:
    recorder = Recorder(SystemClock())
    meter = recorder.meter("g", "websocket", "delivery", "/ws")
    meter.record(0.010)
    meter.record(0.030)
    meter.fail()
    recorder.tally("g").messages += 2
    recorder.error("g", "message: not JSON")
    first, second = taken(recorder), taken(recorder, 1)
    (measured,) = first.series
    assert (measured.count, measured.failures) == (3, 1)
    assert measured.histogram is not None
    times = Histogram.from_wire(measured.histogram)
    assert times.count == 2
    assert times.max == pytest.approx(0.030, rel=1e-3)
    assert first.counters == {"g": {"messages": 2}}
    assert first.errors == {"g": {"message: not JSON": 1}}
    assert (second.series, second.counters, second.errors) == ([], {}, {})


def test_users_keep_their_meter_across_seconds() -> None:
    recorder = Recorder(SystemClock())
    meter = recorder.meter("g", "rest", "response", "GET /a")
    taken(recorder)
    meter.record(0.5)
    assert recorder.meter("g", "rest", "response", "GET /a") is meter
    assert taken(recorder).series[0].count == 1


def test_gauges_are_read_when_the_second_ends() -> None:
    recorder = Recorder(SystemClock())
    recorder.gauges["g"] = lambda: {"users": 7}
    assert taken(recorder).gauges == {"g": {"users": 7}}


def test_names_with_ids_in_them_do_not_grow_a_record_without_end() -> None:
    recorder = Recorder(SystemClock())
    for i in range(NAMES_PER_GROUP * 3):
        recorder.error("g", f"error {i}")
        recorder.meter("g", "rest", "response", f"GET /{i}").record(0.1)
    record = taken(recorder)
    assert len(record.errors["g"]) == NAMES_PER_GROUP + 1
    assert record.errors["g"][OTHER] == NAMES_PER_GROUP * 2
    assert sum(measured.count for measured in record.series) == NAMES_PER_GROUP * 3
    assert len(record.series) == NAMES_PER_GROUP + 1


def test_what_was_added_between_two_runs_is_forgotten() -> None:
    recorder = Recorder(SystemClock())
    recorder.tally("g").messages += 5
    recorder.forget()
    assert taken(recorder).counters == {}


def test_endings_are_counted_by_cause_and_their_names_do_not_grow_without_end() -> None:
    recorder = Recorder(SystemClock())
    for n in range(600):
        recorder.ending("g", "closed by server", f"closed by server: {n % 2}")
        recorder.ending("g", "failed", f"id {n}")
    endings = taken(recorder).endings["g"]
    assert endings["closed by server: 0"] == endings["closed by server: 1"] == 300
    assert sum(endings.values()) == 1200
    assert len(endings) <= 502
    assert endings["failed: (other)"] > 0
    assert taken(recorder, 1).endings == {}


@pytest.mark.parametrize("name", ["/a?" + "x" * 1000, "half an emoji: \ud83d"])
def test_a_name_that_no_record_may_have_costs_no_record(name: str) -> None:
    recorder = Recorder(SystemClock())
    recorder.meter("g", "rest", "response", name).record(1.0)
    recorder.meter("g", "rest", "response", name).record(1.0)
    recorder.error("g", name)
    recorder.ending("g", "failed", name)
    record = recorder.take("r1", "w1", (0, 0), 0, {})
    told = Record.from_wire(msgspec.msgpack.decode(msgspec.msgpack.encode(record.to_wire())))
    (series,) = told.series
    assert series.count == 2
    assert (list(told.errors["g"].values()), list(told.endings["g"].values())) == ([1], [1])
