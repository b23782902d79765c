import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from loadtest.profiles.load_stages import Load
from loadtest.profiles.wording import did_you_mean, findings


class Sample(BaseModel):
    items: tuple[int, ...] = Field((), min_length=2)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("wieght", "weight"),
        ("Weight", "weight"),  # upper and lower case don't matter
        ("silense", "silence"),
        ("colour", None),  # nothing like it
        ("", None),
    ],
)
def test_a_near_miss_is_recognised(given: str, meant: str | None) -> None:
    assert did_you_mean(given, ["weight", "silence", "headers"]) == meant


def test_the_tags_of_unions_are_left_out_of_a_path() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Load).validate_python([{"hold": "1s"}, {"ramp": 5, "over": "x"}])
    assert [place for place, _, _ in findings(caught.value)] == [(1, "over")]


def test_a_list_is_not_called_too_short_for_its_bad_entries() -> None:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({"items": ["x", 1]})
    assert [place for place, _, _ in findings(caught.value)] == [("items", 0)]


def test_a_list_that_is_too_short_is_called_so() -> None:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({"items": [1]})
    assert findings(caught.value) == [(("items",), "must not be empty", "too_short")]
