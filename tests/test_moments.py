"""moments.py: the newest and the oldest time at a path, whatever stands around it."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.moments import Moments, seconds


def picked(path: str, message: Any, unit: str | None = None, pick: Any = max) -> float | None:
    moments = Moments(path, unit, pick)
    below = message if moments.first is None else message[moments.first]
    return moments.pick(json.dumps(below).encode())


QUOTES = {
    "quotes": {
        "ACB": {"last_updated": "2026-03-02T09:00:01.250+07:00", "ato": {"last_updated": "2030-01-01T00:00:00Z"}},
        "VRE": {"last_updated": "2026-03-02T02:00:00Z"},
        "BID": {"last_updated": None},
        "MBB": {"volume": 7},
        "FPT": None,
    }
}
NINE = 1772416800.0
"""2026-03-02 09:00:00 in Hanoi, which is 02:00:00 UTC."""


def test_the_newest_or_the_oldest_of_all_is_picked_and_what_has_none_is_passed_over() -> None:
    assert picked("quotes.*.last_updated", QUOTES) == NINE + 1.25
    assert picked("quotes.*.last_updated", QUOTES, pick=min) == NINE
    assert picked("quotes.MBB.last_updated", QUOTES) is None
    assert picked("quotes.*.volume", QUOTES, "s") == 7


@pytest.mark.parametrize(
    ("path", "message", "found"),
    [
        ("at", {"at": 12.5}, 12.5),
        ("at.*", {"at": [3, 9, 4]}, 9),
        ("at.*.*", {"at": [{"a": 3}, [8], 7]}, 8),  # 7 has nothing inside
        ("*.at", [{"at": 3}, {"at": 5}, "x", None, [6]], 5),
        ("*.at", {"a": {"at": 3}, "b": 4, "c": [{"at": 9}]}, 3),
        ("a.b.c", {"a": {"b": {"c": 4}, "c": 9}}, 4),
        ("a.b.c", {"a": {"b": 5}}, None),
        ("a.b", {"a": [{"b": 5}]}, None),  # an array's elements are reached by *
        ("at", {"at": None}, None),
        ("*", [], None),
        ("*", {}, None),
    ],
)
def test_a_path_leads_through_objects_and_arrays(path: str, message: Any, found: float | None) -> None:
    assert picked(path, message) == found


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (2.5, None, 2.5),
        ("1970-01-01T00:00:02.5Z", None, 2.5),
        (2.5, "s", 2.5),
        (2500, "ms", 2.5),
        (2_500_000, "us", 2.5),
        (2_500_000_000, "ns", 2.5),
        ("1970-01-01T07:00:02.5+07:00", "iso", 2.5),
    ],
)
def test_a_time_is_read_by_its_unit_and_without_one_by_how_it_is_written(
    value: Any, unit: str | None, told: float
) -> None:
    assert seconds(value, unit) == told
    assert picked("at", {"at": value}, unit) == told


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (True, None),
        ({}, None),
        ([], "s"),
        ("yesterday", None),
        ("2026-03-02T09:00:00", None),  # in which zone?
        ("12.5", "s"),
        (12.5, "iso"),
    ],
)
def test_what_is_no_time_is_refused_wherever_it_stands(value: Any, unit: str | None) -> None:
    for path, message in (("at", {"at": value}), ("at.*.x", {"at": {"a": {"x": value}, "b": {"x": None}}})):
        with pytest.raises((msgspec.ValidationError, ValueError)):
            picked(path, message, unit)


KEYS = st.sampled_from("abc")
VALUES = st.recursive(
    st.none() | st.booleans() | st.text("xy", max_size=2) | st.integers(0, 2**40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def walked(value: Any, path: list[str]) -> Iterator[Any]:
    """What stands at a path, found by walking over all of it."""
    if not path:
        yield value
    elif path[0] == "*":
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for inner in inside:
            yield from walked(inner, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from walked(value[path[0]], path[1:])


@given(value=VALUES, path=st.lists(KEYS | st.just("*"), min_size=1, max_size=3))
def test_it_finds_what_walking_over_all_of_it_finds(value: Any, path: list[str]) -> None:
    found = [leaf for leaf in walked(value, path) if leaf is not None]
    moments = Moments(".".join(["*", *path]), "s", min)
    raw = json.dumps([value]).encode()
    if all(type(leaf) is int for leaf in found):
        assert moments.pick(raw) == min(found, default=None)
    else:
        with pytest.raises(msgspec.ValidationError):
            moments.pick(raw)
