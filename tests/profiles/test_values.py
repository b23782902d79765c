from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from loadtest.profiles import Range, parse_duration, values
from loadtest.profiles.document import Plain
from loadtest.profiles.wording import findings

TRUE = Plain("true", value=True)


def problem(kind: Any, given: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(given)
    return findings(caught.value)[0][1]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("100ms", 0.1),
        ("10s", 10.0),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("1m30s", 90.0),
        ("1h2m3s4ms", 3723.004),
        ("1.5s", 1.5),
        ("30", 30.0),  # as an option or a variable has it
        (5, 5.0),
        (0.25, 0.25),
        (Plain("30", 30), 30.0),  # a number alone is seconds
    ],
)
def test_durations_are_read(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5 s", "5x", "s", "1s1m", "1m30", "abc", "10S", "１s"])
def test_what_is_no_duration_is_told_by_example(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as 100ms, 10s or 1m30s"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "-5s", "0", -1])
def test_a_duration_takes_time(text: str | float) -> None:
    with pytest.raises(ValueError, match="must be more than 0"):
        parse_duration(text)


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 1e12])
def test_a_duration_has_a_limit(number: float) -> None:
    with pytest.raises(ValueError, match="a year at most"):
        parse_duration(number)


@pytest.mark.parametrize(
    ("given", "ends"),
    [
        ("100ms..5s", Range(0.1, 5.0)),
        ("2s", Range(2.0, 2.0)),
        ("1s .. 2s", Range(1.0, 2.0)),
        (Plain("0", 0), Range(0.0, 0.0)),
    ],
)
def test_ranges_are_read(given: str, ends: Range) -> None:
    assert Range.read(given) == ends


def test_a_range_is_written_as_it_is_read() -> None:
    assert (str(Range(0.1, 5.0)), str(Range(2.0, 2.0))) == ("100ms..5s", "2s")


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        (values.Duration, "0s", "must be more than 0"),
        (values.Duration, "-1s", "must be more than 0"),
        (values.DurationOrZero, "-1s", "must not be less than 0"),
        (values.Duration, ["1s"], "must be a duration such as 100ms, 10s or 1m30s"),
        (values.Duration, TRUE, "must be a duration such as 100ms, 10s or 1m30s"),
        (values.Pause, "5s..1s", "must not start above its end: write the shorter duration first"),
        (values.Pause, "1s..", "must be a duration such as 100ms, 10s or 1m30s"),
        (values.Length, "0s..1s", "must be more than 0"),
        (values.Whole, Plain("1.5", 1.5), "must be a whole number"),
        (values.Whole, TRUE, "must be a whole number"),
        (values.Whole, "5", "must be a whole number"),  # quoted
        (values.Number, Plain(".nan", float("nan")), "must be a finite number"),
        (values.Number, TRUE, "must be a number"),
        (values.Flag, "yes", "must be true or false"),
        (values.Text, ["a"], "must be text"),
        (values.Token, "a\nb", "must be text in one line"),
        (values.Size, "16 potatoes", "must be a size of more than 0 such as 500, 64KiB or 16MiB"),
        (values.Size, Plain("0", 0), "must be a size of more than 0 such as 500, 64KiB or 16MiB"),
        (values.Size, "2GiB", "must be 1GiB at most"),
        (values.RequestPath, "api", "must be a path that starts with one /; the host is the target's"),
        (values.RequestPath, "//evil/x", "must be a path that starts with one /; the host is the target's"),
        (values.RequestPath, "http://evil/", "must be a path that starts with one /; the host is the target's"),
        (values.RequestPath, "/a#b", "must not have a # part: servers never see it"),
        (values.RequestPath, "/a b", "must be percent-encoded where it has spaces or anything beyond ASCII"),
        (values.RequestPath, "/a\r\nX: y", "must be percent-encoded where it has spaces or anything beyond ASCII"),
        (values.FieldPath, "a..b", "must name a field of the message, with dots into objects: time, or meta.time"),
        (values.Subprotocol, "a b", "must be a name of letters, digits, - and . only"),
        (values.Binary, "%%%", "must be base64"),
        (values.Headers, "x", "must be a mapping of names to texts"),
        (values.Headers, {"A B": "x"}, "has a name that is no header's: letters, digits and - are"),
        (values.Headers, {"A": "x", "a": "y"}, "has a twice: upper and lower case are the same"),
        (values.Headers, {"A": "x\r\nB: y"}, "must have A in one line, in Latin-1"),
        (values.Headers, {"A": ["x"]}, "must have a text as A"),
        (values.Headers, {"Content-Length": "5"}, "must not have Content-Length: loadtest sets it"),
        (values.Headers, {"Sec-WebSocket-Key": "5"}, "must not have Sec-WebSocket-Key: loadtest sets it"),
    ],
)
def test_a_bad_value_is_told_in_the_users_words(kind: Any, given: Any, told: str) -> None:
    assert problem(kind, given) == told


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (values.Text, Plain("0123", 123), "0123"),  # where text is wanted, it counts as written
        (values.Token, Plain("1e5", 1e5), "1e5"),
        (values.Headers, {"X-Id": Plain("007", 7)}, {"X-Id": "007"}),
        (values.Json, {"a": [Plain("5", 5), "5"]}, {"a": [5, "5"]}),  # where any value is, its type counts
        (values.Size, "64KiB", 65536),
        (values.Size, Plain("500", 500), 500),
        (values.Binary, "AAEC", b"\0\1\2"),
        (values.RequestPath, "/ws/market?depth=5&x=%20", "/ws/market?depth=5&x=%20"),
        (values.Number, Plain("3", 3), 3.0),
    ],
)
def test_a_good_value_is_read(kind: Any, given: Any, value: Any) -> None:
    assert TypeAdapter(kind).validate_python(given) == value
