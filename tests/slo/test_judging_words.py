"""How a verdict is called where people read it."""

import pytest

from loadtest.slo import Verdict


@pytest.mark.parametrize(
    ("outcome", "action", "word"),
    [
        ("pass", "warn", "pass"),
        ("fail", "warn", "warn"),  # a breach that changes nothing must not look like one that does
        ("no-data", "warn", "no-data"),
        ("fail", "fail", "fail"),
        ("fail", "abort", "fail"),
    ],
)
def test_a_breach_that_only_warns_is_called_a_warning(outcome: str, action: str, word: str) -> None:
    verdict = Verdict("errors < 1%", 2.0, 0.0, outcome, 100, "%", 1.0, action)  # type: ignore[arg-type]
    assert verdict.word == word
    assert str(verdict).startswith(word)
