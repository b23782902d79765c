from io import StringIO

import pytest

from loadtest.cli.arguments import Parser
from loadtest.cli.options import add_overrides, overrides_in
from loadtest.errors import UsageError
from loadtest.profiles import Overrides


def parse(*argv: str) -> Overrides:
    parser = Parser("x", "", "", StringIO())
    add_overrides(parser)
    return overrides_in(parser.parse_all(argv))


def test_nothing_given_changes_nothing() -> None:
    assert parse() == Overrides()


def test_every_option_changes_what_it_says() -> None:
    given = parse("--target", "demo", "--users", "50", "--duration", "1m30s", "--set", "a=1", "--set", "b.c=2")
    assert given == Overrides("demo", 50, 90.0, ("a=1", "b.c=2"))


@pytest.mark.parametrize(("text", "seconds"), [("90", 90.0), ("1.5", 1.5), ("500ms", 0.5), ("2h", 7200.0)])
def test_a_duration_is_seconds_or_has_a_unit(text: str, seconds: float) -> None:
    assert parse("--duration", text).duration == seconds


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["--users", "0"], "--users: must be a whole number above 0"),
        (["--users", "1e3"], "--users: must be a whole number above 0"),
        (["--users", "-5"], "--users: must be a whole number above 0"),
        (["--duration", "soon"], "--duration: must be a duration such as 100ms, 10s or 1m30s"),
        (["--duration", "0s"], "--duration: must be more than 0"),
        (["--duration", "nan"], "--duration: must be a duration such as 100ms, 10s or 1m30s"),
    ],
)
def test_a_bad_value_is_refused_with_its_option(argv: list[str], problem: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(*argv)
    assert str(raised.value).startswith(problem)
