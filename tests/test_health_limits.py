"""limits.py: when a worker's second can't be trusted."""

import math
from collections.abc import Mapping
from dataclasses import fields, replace

import pytest

from loadtest.limits import HEALTH_LIMITS, Limits

FIT = {
    "lag_max": 0.1,
    "cpu": 0.9,
    "cpu_wait": 0.25,
    "throttled": 0.05,
    "gc_max": 0.1,
    "descriptors_share": 0.9,
    "ports_share": 0.9,
    "send_lag": 0.1,
    "clock_error": 1.0,
}
"""Everything exactly at its limit."""


@pytest.mark.parametrize(
    ("health", "over"),
    [
        ({}, {}),  # nothing is known, so nothing is said against it
        (FIT, {}),  # at a limit is not over it
        ({**FIT, "lag_max": 0.11}, {"lag": 0.11}),
        ({**FIT, "cpu": 0.95}, {"cpu": 0.95}),
        ({**FIT, "cpu_wait": 0.5}, {"cpu_wait": 0.5}),
        ({**FIT, "throttled": 0.4}, {"throttled": 0.4}),
        ({**FIT, "gc_max": 0.2}, {"gc": 0.2}),
        ({**FIT, "descriptors_share": 0.99}, {"descriptors": 0.99}),
        ({**FIT, "ports_share": 0.99}, {"ports": 0.99}),
        ({**FIT, "socket_errors": 1.0}, {"socket_errors": 1.0}),  # one is enough: the next user could not connect
        ({**FIT, "send_lag": 0.3}, {"send_lag": 0.3}),
        ({**FIT, "clock_error": 1.5}, {"clock_error": 1.5}),
        ({"lag_max": 0.2, "cpu": 1.0}, {"lag": 0.2, "cpu": 1.0}),  # all of them are told
    ],
)
def test_a_second_is_over_a_limit_when_it_is_above_it(health: Mapping[str, float], over: dict[str, float]) -> None:
    assert Limits().exceeded(health) == over


def test_a_limit_that_is_off_is_never_exceeded() -> None:
    assert replace(Limits(), lag=math.inf).exceeded({"lag_max": 500.0}) == {}


def test_every_limit_on_health_can_be_told_of() -> None:
    names = {field.name for field in fields(Limits)} - {"excluded", "excluded_in_a_row"}
    assert set(HEALTH_LIMITS) == names


@pytest.mark.parametrize(
    ("limit", "value", "text"), [("lag", 0.2504, "250 ms"), ("cpu", 0.975, "97.5 %"), ("socket_errors", 3.0, "3")]
)
def test_a_value_is_shown_in_its_unit(limit: str, value: float, text: str) -> None:
    assert HEALTH_LIMITS[limit].show(value) == text
