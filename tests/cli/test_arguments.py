import argparse
from io import StringIO

import pytest

from loadtest.cli.arguments import Parser, did_you_mean, from_environ, port_number, whole_number
from loadtest.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (None, 7),  # not set
        ("", 7),  # set to nothing, as Compose does for a variable without a value
        (" ", 7),
        ("3", 3),
    ],
)
def test_an_empty_variable_is_none(text: str | None, value: int) -> None:
    assert from_environ({"N": text} if text is not None else {}, "N", 7, whole_number(1)) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("many", "N: must be a whole number"),
        ("1.5", "N: must be a whole number"),
        ("0", "N: must be 1 or more"),
        ("70000", "N: must be 65535 or less"),
    ],
)
def test_a_bad_variable_is_named(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as raised:
        from_environ({"N": text}, "N", 7, port_number)
    assert str(raised.value) == problem


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("chekc", "; did you mean check?"),
        ("qqq", ""),  # nothing is near
    ],
)
def test_a_word_that_is_near_is_proposed(given: str, words: str) -> None:
    assert did_you_mean(given, ["run", "check"]) == words


def test_an_option_is_not_guessed_from_its_beginning() -> None:
    parser = Parser("x", "", "", StringIO())
    parser.add_argument("--workers")
    with pytest.raises(UsageError):
        parser.parse_all(["--work", "3"])


def test_what_is_passed_on_keeps_its_order() -> None:
    parser = Parser("x", "", "", StringIO(), passes_on=True)
    parser.add_argument("--workers", type=whole_number(1))
    assert parser.parse_all(["--csv", "out", "--workers", "2", "-L", "DEBUG"]) == argparse.Namespace(
        workers=2, rest=["--csv", "out", "-L", "DEBUG"]
    )
