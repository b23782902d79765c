import pytest

from loadtest.profiles.variables import substitute

ENVIRON = {"HOST": "h:80", "EMPTY": "", "N": "5"}


@pytest.mark.parametrize(
    ("text", "expected", "whole"),
    [
        ("plain $5 {x}", "plain $5 {x}", False),  # nothing to do
        ("${HOST}", "h:80", True),
        ("http://${HOST}/${N}", "http://h:80/5", False),  # in the middle, twice
        ("${NONE:-demo}", "demo", True),
        ("${EMPTY:-demo}", "demo", True),  # as in a shell: empty is as good as unset
        ("${EMPTY}", "", True),  # set, though to nothing
        ("${NONE:-}", "", True),
        ("${NONE:-a:-b c}", "a:-b c", True),  # a default may hold anything but }
        ("$${HOST}", "${HOST}", False),  # escaped
        ("$$${HOST}", "$${HOST}", False),
    ],
)
def test_variables_are_replaced(text: str, expected: str, whole: bool) -> None:  # noqa: FBT001 - a row of the table
    result = substitute(text, ENVIRON)
    assert (result.text, result.whole, result.problems) == (expected, whole, ())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("${NONE}", "the environment has no NONE"),
        ("${1X}", "${ starts a variable"),  # no name
        ("${HOST", "${ starts a variable"),  # no end
        ("${HOST:-${N}}", "${ starts a variable"),  # one in the other
        ("${HOST-x}", "${ starts a variable"),  # a form that only shells know
    ],
)
def test_what_cannot_be_replaced_is_told(text: str, told: str) -> None:
    assert told in substitute(text, ENVIRON).problems[0]


def test_only_variables_that_gave_a_value_count_as_used() -> None:
    assert substitute("${HOST} ${NONE:-x} ${EMPTY:-y}", ENVIRON).names == ("HOST",)
