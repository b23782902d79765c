"""profiles/limits.py: the limits section, as numbers and back."""

import math
from typing import Any

import pytest

from loadtest.limits import Limits
from loadtest.profiles.limits import LimitsSection


def test_what_is_left_out_has_the_defaults() -> None:
    assert LimitsSection().values() == Limits()


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"lag": "50ms"}, "lag", 0.05),
        ({"lag": "off"}, "lag", math.inf),
        ({"cpu": "85%"}, "cpu", 0.85),
        ({"cpu": "99.5 %"}, "cpu", 0.995),
        ({"cpu": 0.7}, "cpu", 0.7),  # YAML 1.2 has no percent: a fraction is one
        ({"descriptors": "off"}, "descriptors", math.inf),
        ({"socket_errors": 3}, "socket_errors", 3),
        ({"excluded": "0%"}, "excluded", 0.0),  # nothing may be left out
        ({"excluded_in_a_row": "1m"}, "excluded_in_a_row", 60.0),
    ],
)
def test_a_limit_is_read(given: dict[str, Any], name: str, value: float) -> None:
    assert getattr(LimitsSection.model_validate(given).values(), name) == value


def test_what_was_changed_is_written_as_a_profile_has_it() -> None:
    given = {"lag": "off", "cpu": "97.5%", "gc": "1m30s", "ports": "off", "socket_errors": 2}
    section = LimitsSection.model_validate(given)
    assert section.model_dump(mode="json", exclude_defaults=True) == given
    assert LimitsSection.model_validate(section.model_dump(mode="json")) == section
