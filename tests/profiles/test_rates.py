"""profiles/rates.py: rates as they are written, and back."""

from typing import Any

import pytest

from loadtest.profiles import Pace
from loadtest.schedule import Stage


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("200/s", 200.0),
        ("30/m", 0.5),
        ("90/h", 0.025),
        ("0.25/s", 0.25),
        (" 7 / s ", 7.0),  # blanks are nobody's mistake
    ],
)
def test_a_rate_is_requests_a_second(written: str, rate: float) -> None:
    assert Pace.model_validate({"rate": written}).rate == (Stage.step(rate),)


def test_stages_of_a_rate_are_those_of_a_load() -> None:
    given = [{"ramp": "500/s", "over": "30s"}, {"hold": "1m"}, {"spike": "2/s", "over": "5s"}, {"step": "30/m"}]
    assert Pace.model_validate({"rate": given}).rate == (
        Stage.ramp(500, 30),
        Stage.hold(60),
        Stage.spike(2, 5),
        Stage.step(0.5),
    )


@pytest.mark.parametrize(
    ("given", "back"),
    [
        ("200/s", "200/s"),
        ("30/m", "30/m"),  # shorter than 0.5/s
        ("100/h", "100/h"),
        ([{"step": "2/s"}], "2/s"),
        ([{"ramp": "5/s", "over": "90s"}, {"hold": 3}], [{"ramp": "5/s", "over": "1m30s"}, {"hold": "3s"}]),
    ],
)
def test_a_rate_is_written_as_it_can_be_read(given: Any, back: Any) -> None:
    pace = Pace.model_validate({"rate": given})
    assert pace.model_dump(mode="json")["rate"] == back
    assert Pace.model_validate({"rate": back}) == pace
