"""report/facts.py: how long a run took, in words."""

import pytest

from loadtest.report import duration_text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.4, "59s"), (59.6, "1m00s"), (125, "2m05s"), (3600, "1h00m"), (7325, "2h02m")]
)
def test_a_duration_is_written_as_people_write_it(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
