from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from loadtest.profiles.load_stages import Load
from loadtest.profiles.wording import findings
from loadtest.schedule import Stage

ADAPTER: TypeAdapter[Any] = TypeAdapter(Load)


def test_stages_become_arithmetic() -> None:
    given = [{"ramp": 800, "over": "30s"}, {"hold": "2m"}, {"step": 5}, {"spike": 9, "over": "1s"}]
    assert ADAPTER.validate_python(given) == (Stage.ramp(800, 30), Stage.hold(120), Stage.step(5), Stage.spike(9, 1))


def test_groups_may_have_stages_of_their_own() -> None:
    assert ADAPTER.validate_python({"a": [{"hold": 1}]}) == {"a": (Stage.hold(1),)}


def test_stages_are_written_as_they_are_read() -> None:
    given = [{"ramp": 800, "over": "30s"}, {"hold": "2m"}, {"step": 5}, {"spike": 9, "over": "1s"}]
    assert ADAPTER.dump_python(ADAPTER.validate_python(given), mode="json") == given


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], [("", "must not be empty")]),
        (5, [("", "must be a list")]),
        ([5], [("0", "needs ramp, hold, step or spike")]),
        ([{}], [("0", "needs ramp, hold, step or spike")]),
        ([{"rmap": 5, "over": "1s"}], [("0.rmap", "unknown key; did you mean ramp?")]),
        ([{"ramp": 5}], [("0.over", "is missing")]),
        ([{"ramp": 5, "hold": "1s"}], [("0.hold", "unknown key; there are ramp, over"), ("0.over", "is missing")]),
        ([{"ramp": -1, "over": "-1s"}], [("0.ramp", "must be at least 0"), ("0.over", "must not be less than 0")]),
        ([{"ramp": 10**8, "over": "1s"}], [("0.ramp", "must be at most 10000000")]),
        ([{"spike": 5, "over": "0s"}], [("0.over", "must be more than 0")]),
        ({"a": [{"hold": "x"}]}, [("a.0.hold", "must be a duration such as 100ms, 10s or 1m30s")]),
    ],
)
def test_what_no_load_can_be_is_told(given: Any, told: list[tuple[str, str]]) -> None:
    with pytest.raises(ValidationError) as caught:
        ADAPTER.validate_python(given)
    assert [(".".join(map(str, place)), text) for place, text, _ in findings(caught.value)] == told
