"""answers.py: whether an HTTP answer is what the profile expects."""

import pytest

from loadtest.answers import AnswerInspector
from loadtest.profiles.rest import AnswerCheck


@pytest.mark.parametrize(
    ("expect", "status", "body", "problem"),
    [
        ({}, 200, b"anything", None),  # nothing is asked of the body
        ({}, 204, b"", None),  # any 2xx will do
        ({}, 304, b"", "response: HTTP 304"),  # not modified is not successful
        ({}, 500, b"{}", "response: HTTP 500"),
        ({"status": 404}, 404, b"", None),  # an expected 404 is right
        ({"status": 404}, 200, b"", "response: HTTP 200"),  # and a 200 then wrong
        ({"status": [200, 201]}, 201, b"", None),  # a list
        ({"keys": ["a", "b"]}, 200, b'{"b": 1, "a": [{}], "c": 3}', None),  # order and others don't matter
        ({"keys": ["a", "b"]}, 200, b'{"a": 1}', "response: key missing: b"),
        ({"keys": ["a"]}, 200, b'{"x": {"a": 1}}', "response: key missing: a"),  # top level only
        ({"keys": ["a"]}, 200, b'{"a": null}', None),  # null is there
        ({"keys": ["not an identifier", "1"]}, 200, b'{"not an identifier": 1, "1": 2}', None),
        ({"keys": ['say "a"']}, 200, b'{"say \\"a\\"": 1}', None),  # a key that needs escapes
        ({"keys": ["a"]}, 200, b"[1]", "response: not a JSON object"),
        ({"keys": ["a"]}, 200, b"<html>", "response: not JSON"),
        ({"keys": ["a"]}, 200, b'{"a": 1', "response: not JSON"),  # cut short
        ({"keys": ["a"]}, 200, b'{"\xff": 1}', "response: not JSON"),  # not UTF-8
        ({"keys": ["a"]}, 200, b'{"a":' + b"[" * 100_000, "response: not JSON"),  # deeper than any parser goes
        ({"contains": "ok"}, 200, b"all ok", None),
        ({"contains": "ok"}, 200, b"all wrong", "response: does not contain the expected text"),
    ],
)
def test_an_answer_is_checked_for_status_keys_and_text(
    expect: dict[str, object], status: int, body: bytes, problem: str | None
) -> None:
    inspector = AnswerInspector(AnswerCheck.model_validate(expect))
    assert inspector.problem(status, body) == problem
    assert inspector.problem(status, body) == problem  # seen before: the same answer


def test_a_body_that_changed_is_looked_at_again() -> None:
    inspector = AnswerInspector(AnswerCheck.model_validate({"keys": ["a"]}))
    assert inspector.problem(200, b'{"a": 1}') is None
    assert inspector.problem(200, b'{"b": 1}') == "response: key missing: a"
    assert inspector.problem(200, b'{"a": 1}') is None
