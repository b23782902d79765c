from typing import Any

import pytest

from loadtest.errors import ProfileError
from loadtest.profiles.document import MAX_BYTES, Document, Plain


def read(text: str, **environ: str) -> Document:
    return Document(text, "p.yaml", environ)


def refusal(text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        read(text)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_every_value_has_the_line_of_its_key() -> None:
    document = read("a: 1\nb:\n  - x\n  - c: 2\n    d:\n      5\n")
    paths: list[tuple[str | int, ...]] = [("a",), ("b",), ("b", 0), ("b", 1), ("b", 1, "c"), ("b", 1, "d")]
    assert [document.origins.of(path).line for path in paths] == [1, 2, 3, 4, 4, 5]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("010", 10),  # not octal, as it was before YAML 1.2
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ("true", True),
        ("FALSE", False),
    ],
)
def test_an_unquoted_value_has_a_type_and_keeps_its_text(text: str, value: float) -> None:
    data = read(f"a: {text}").data["a"]
    assert isinstance(data, Plain)
    assert (data, data.value, type(data.value)) == (text, value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),  # a truth value only before YAML 1.2
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),  # was 90 before YAML 1.2
        ('"5"', "5"),  # quoted
        ("'true'", "true"),
        ("!!str x", "x"),
        ("|\n  5", "5"),
    ],
)
def test_everything_else_is_text(text: str, value: str) -> None:
    data = read(f"a: {text}").data["a"]
    assert data == value
    assert not isinstance(data, Plain)


@pytest.mark.parametrize("text", ["", "~", "null"])
def test_an_empty_value_is_none(text: str) -> None:
    assert read(f"a: {text}").data == {"a": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${N}", 5),  # wholly a variable: typed by what it holds
        ('"${N}"', 5),  # quoted or not
        ("${X:-7}", 7),
        ("${X:-true}", True),
    ],
)
def test_a_value_that_is_one_variable_is_typed_by_what_it_holds(text: str, value: float) -> None:
    data = read(f"a: {text}", N="5").data["a"]
    assert isinstance(data, Plain)
    assert data.value == value


def test_a_value_that_is_partly_a_variable_is_text() -> None:
    assert not isinstance(read("a: 1${N}", N="5").data["a"], Plain)


def test_a_variable_that_is_not_there_is_told_with_its_line() -> None:
    assert read("a: 1\nb: ${N}").problems.lines() == [
        "p.yaml:2: b: the environment has no N, and ${N} gives no default: ${N:-default}"
    ]


def test_secret_variables_that_were_used_are_remembered() -> None:
    assert Document("a: x ${MY_TOKEN} ${N}", "p.yaml", {"MY_TOKEN": "s", "N": "5"}).used == {"MY_TOKEN"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a: 1\nb: !!python/object/apply:os.system [x]",
            "p.yaml:2: b: the tag !!python/object/apply:os.system can't be in a profile",
        ),
        ("a: !!python/name:os.system", "p.yaml:1: a: the tag !!python/name:os.system can't be in a profile"),
        ("a: !foo {b: 1}", "p.yaml:1: a: the tag !foo can't be in a profile"),
        ("a: !!binary aGk=", "p.yaml:1: a: the tag !!binary can't be in a profile"),
        ("a: !!set {b, c}", "p.yaml:1: a: the tag !!set can't be in a profile"),
        ("a: 1\nc: 2\na: 3", "p.yaml:3: a: is given twice; the first is in line 1"),
        ("a: {b: 1, b: 2}", "p.yaml:1: a.b: is given twice; the first is in line 1"),
        ("? [a, b]\n: 1", "p.yaml:1: ?: a key must be one word"),
        ("a: &a [*a]", "p.yaml:1: a.0: an alias can't stand inside what it stands for"),
        ("<<: 5", "p.yaml:1: << must be followed by the alias of a mapping"),
    ],
)
def test_what_yaml_allows_and_a_profile_does_not(text: str, problem: str) -> None:
    assert read(text).problems.lines() == [problem]


def test_mappings_are_merged_and_what_stands_beside_wins() -> None:
    document = read("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n")
    assert document.data["b"] == {"x": "1", "y": "3"}
    assert document.origins.of(("b", "x")).line == 1
    assert document.origins.of(("b", "y")).line == 4


def bomb() -> str:
    levels = "".join(f"{b}: &{b} [{', '.join(['*' + a] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    return f"a: &a [{', '.join('x' * 10)}]\n{levels}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "p.yaml: is empty"),
        ("# only a comment\n", "p.yaml: is empty"),
        ("a: b: c", "p.yaml:1:5: not YAML: a second : in a line; a text with : in it needs quotes"),
        ("a: 1\nb: \0", "p.yaml:2:4: a NUL byte can't be in a profile"),
        ("a: \x07", "p.yaml:1:4: the control character U+0007 can't be in a profile"),
        ("a: " + "[" * 100_000, "p.yaml:1:35: nested more than 32 levels deep"),
        ("- " * 5_000, "p.yaml:1:65: nested more than 32 levels deep"),
        ("a: [" + "1," * 50_000 + "]", "p.yaml:1:39999: too much: a profile has at most 20000 values"),
        ("#" * (MAX_BYTES + 1), "p.yaml: is too big: a profile has at most 256 KiB"),
        (bomb(), "p.yaml:1: too big with its aliases written out"),  # a billion laughs
        (f"a: &a {'x' * 100_000}\nb: [{'*a, ' * 1000}]", "p.yaml:1: too big with its aliases written out"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_what_cannot_be_read_at_all_is_one_clear_line(text: str, problem: str) -> None:
    assert refusal(text) == problem


def test_keys_are_text_whatever_they_look_like() -> None:
    data: Any = read("5: a\ntrue: b").data
    assert data == {"5": "a", "true": "b"}
