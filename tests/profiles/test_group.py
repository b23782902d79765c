import pytest

from loadtest.profiles.group import Group, name_problem
from loadtest.schedule import Part
from loadtest.slo import MEASURES


@pytest.mark.parametrize("name", ["subscribers", "a", "vip-users_2", "p", "percentile99"])
def test_a_word_can_be_a_groups_name(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize("name", ["", "2fast", "two words", "a.b", "ä", "x" * 65, "<", '"a"', "a/b"])
def test_what_is_no_word_of_an_slo_cannot_be_a_name(name: str) -> None:
    assert name_problem(name) == "a group's name is a letter, then letters, digits, _ and - (64 at most)"


@pytest.mark.parametrize("name", ["p99", "mean", "max", "errors", *MEASURES, *sum(MEASURES.values(), ())])
def test_what_means_something_else_in_an_slo_cannot_be_a_name(name: str) -> None:
    assert name_problem(name) == f"{name} means something else in an SLO: choose another name for the group"


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({}, Part(share=1.0)),  # neither: one share
        ({"share": 2.5}, Part(share=2.5)),
        ({"count": 7}, Part(7)),
    ],
)
def test_a_group_takes_part_by_count_or_share(given: dict[str, float], part: Part) -> None:
    assert Group.model_validate(given).part == part
