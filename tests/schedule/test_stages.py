import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.profiles import parse_duration
from loadtest.schedule import Stage, duration_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.1, "100ms"),  # below a second: milliseconds
        (0.0005, "0.5ms"),
        (1.5, "1.5s"),
        (30.0, "30s"),
        (90.0, "1m30s"),
        (120.0, "2m"),  # no empty units
        (3600.0, "1h"),
        (5400.25, "1h30m0.25s"),
        (100.0, "1m40s"),  # trailing zeros of a number stay: 100, not 1E+2
        (600.0, "10m"),
    ],
)
def test_a_duration_reads_as_a_profile_writes_it(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@settings(deadline=None)
@given(st.floats(min_value=1e-6, max_value=86400 * 300))
def test_a_written_duration_reads_back_as_the_same_number(seconds: float) -> None:
    assert parse_duration(duration_text(seconds)) == pytest.approx(seconds, rel=1e-15)


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        (Stage.ramp(800, 30), "ramp to 800 over 30s"),
        (Stage.hold(120), "hold 2m"),
        (Stage.step(5), "step to 5"),
        (Stage.spike(9, 0.5), "spike to 9 for 500ms"),
    ],
)
def test_a_stage_prints_as_a_person_would_say_it(stage: Stage, text: str) -> None:
    assert str(stage) == text
