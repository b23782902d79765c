from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import Field, ValidationError

from loadtest.profiles.section import Section
from loadtest.profiles.values import Text, Whole
from loadtest.profiles.wording import findings


class Inner(Section):
    size: Whole = Field(alias="length")


class Sample(Section):
    one_of = ("left", "right")

    left: Whole | None = None
    right: Whole | None = None
    inner: Inner | None = None
    token: Text = ""

    @classmethod
    def contradictions(cls, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if "left" in given and "inner" in given:
            yield "inner", "can't go left"


def problems(given: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(given)
    return [(".".join(map(str, place)), text) for place, text, _ in findings(caught.value)]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, [("", "needs left or right")]),
        ({"left": 1, "right": 2}, [("right", "can't stand beside left: give one of them")]),
        ({"lefft": 1}, [("lefft", "unknown key; did you mean left?")]),  # and not also "needs left or right"
        ({"left": 1, "colour": 1}, [("colour", "unknown key; there are left, right, inner, token")]),
        ({"right": 1, "inner": {}}, [("inner.length", "is missing")]),
        ({"right": 1, "inner": {"lenght": 1}}, [("inner.lenght", "unknown key; did you mean length?")]),
        (
            {"right": 1, "inner": {"size": 1}},
            [("inner.size", "unknown key; there are length"), ("inner.length", "is missing")],
        ),  # the attribute's name is no key
        ([], [("", "must be a mapping (key: value)")]),
    ],
)
def test_a_mapping_is_checked_by_its_keys(given: Any, told: list[tuple[str, str]]) -> None:
    assert problems(given) == told


def test_all_mistakes_of_a_mapping_and_those_inside_it_are_found_at_once() -> None:
    assert sorted(problems({"left": "x", "inner": {"length": True, "z": 1}, "wings": 1})) == [
        ("inner", "can't go left"),
        ("inner.length", "must be a whole number"),
        ("inner.z", "unknown key; there are length"),
        ("left", "must be a whole number"),
        ("wings", "unknown key; there are left, right, inner, token"),
    ]


def test_an_empty_value_is_the_same_as_no_key() -> None:
    assert Sample.model_validate({"left": 1, "right": None, "token": None}) == Sample.model_validate({"left": 1})


def test_a_section_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Sample.model_validate({"left": 1}).left = 2


def test_a_section_prints_without_its_secrets() -> None:
    assert (
        repr(Sample.model_validate({"left": 1, "token": "canary"}))
        == "Sample(left=1, right=None, inner=None, token='***')"
    )
