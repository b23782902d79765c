"""results/record.py: what comes off the wire is a Record or a WireError."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.errors import WireError
from loadtest.histogram import Histogram
from loadtest.results import Measured, Record


def a_record(**changes: Any) -> Record:
    times = Histogram()
    times.record(0.012)
    record = Record(
        run="r1",
        worker="w1",
        incarnation=0,
        serial=3,
        second=3,
        series=[Measured("subscribers", "websocket", "delivery", "/ws/market", 2, 1, 300, times.to_wire())],
        counters={"subscribers": {"messages": 2}},
        errors={"subscribers": {"message: not JSON": 1}},
        gauges={"subscribers": {"users": 5, "open": 5}},
        health={"cpu": 0.5},
    )
    return msgspec.structs.replace(record, **changes)


def test_a_record_survives_the_wire() -> None:
    wire = msgspec.msgpack.decode(msgspec.msgpack.encode(a_record().to_wire()))
    assert Record.from_wire(wire) == a_record()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("run", None),  # a name is text
        ("run", "x" * 513),  # and bounded
        ("serial", -1),  # counts don't go below zero
        ("second", 1.5),  # nor between
        ("second", 32 * 24 * 3600),  # nor on and on: each second of a run has a row
        ("series", [["g", "websocket", "delivery", "n", 1, 0, 0]]),  # a field short
        ("series", [["g", "websocket", "delivery", "n", 1, 0, 0, ["junk"]]]),  # a histogram that is none
        ("counters", {"g": {"messages": "2"}}),  # a count is a number
        ("counters", [1]),
        ("errors", {"g": 1}),
        ("health", {"cpu": None}),
        ("health", {"cpu": float("nan")}),  # it would spread to whatever it is added to
        ("counters", {"g": {"messages": 2**63}}),  # more than a second can have
        ("final", 1),
    ],
)
def test_what_is_not_a_record_is_refused(key: str, value: object) -> None:
    wire = {**a_record().to_wire(), key: value}
    with pytest.raises(WireError):
        Record.from_wire(wire)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(anything)
def test_anything_else_off_the_wire_is_a_wire_error(wire: object) -> None:
    with pytest.raises(WireError):
        Record.from_wire(wire)
