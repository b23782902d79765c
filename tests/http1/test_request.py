import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.http1 import Request


def build(method: str = "GET", target: str = "/", **parts: Any) -> Request:
    return Request.build(method, target, host="target:8000", **parts)


def test_a_get_is_its_line_its_host_and_nothing_else() -> None:
    assert build("GET", "/api?limit=50").data == b"GET /api?limit=50 HTTP/1.1\r\nHost: target:8000\r\n\r\n"


def test_json_is_written_compactly_with_its_type_and_length() -> None:
    request = build("POST", "/faults", json=[{"kind": "delay"}])
    head, _, body = request.data.partition(b"\r\n\r\n")
    assert body == b'[{"kind":"delay"}]'
    assert head.endswith(b"Content-Type: application/json\r\nContent-Length: 18")


def test_json_null_is_a_body_and_leaving_json_out_is_none() -> None:
    assert build("POST", json=None).data.endswith(b"\r\n\r\nnull")
    assert build("POST").data.endswith(b"Content-Length: 0\r\n\r\n")


def test_a_header_given_replaces_the_one_we_would_write() -> None:
    request = build("POST", json={}, headers=[("host", "virtual"), ("content-type", "application/x")])
    assert request.data.lower().count(b"host:") == 1
    assert request.data.lower().count(b"content-type:") == 1


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"headers": [("X", "a\r\nInjected: b")]}, "line break"),  # a second header smuggled in
        ({"headers": [("X", "a\nb")]}, "line break"),  # a bare LF ends a line for many servers
        ({"headers": [("X", "a\rb")]}, "line break"),  # and so does a bare CR for some
        ({"headers": [("X", "a\0b")]}, "control character"),  # RFC 9110, 5.5
        ({"headers": [("X y", "a")]}, "not a header name"),  # a space is no token character
        ({"headers": [("", "a")]}, "not a header name"),
        ({"headers": [("X:", "a")]}, "not a header name"),
        ({"headers": [("X", "五")]}, "not Latin-1"),
        ({"headers": [("Content-Length", "3")]}, "written from the body"),  # could contradict the body
        ({"headers": [("transfer-encoding", "chunked")]}, "written from the body"),
        ({"method": "GE T"}, "not a method"),
        ({"method": "GET\r\n"}, "not a method"),
        ({"target": "api"}, "starts with a slash"),
        ({"target": "http://elsewhere/"}, "starts with a slash"),  # proxies aside, a target is a path
        ({"target": "/a\r\nb"}, "line break"),
        ({"target": "/a\tb"}, "control character"),
        ({"body": b"x", "json": 1}, "not both"),
    ],
)
def test_what_would_not_be_one_well_formed_request_is_refused(parts: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        build(**parts)


def test_a_refusal_does_not_repeat_a_secret_value() -> None:
    for value in ("s3cret\r\n", "s3cret 五"):
        with pytest.raises(ValueError, match="Authorization") as refused:
            build(headers=[("Authorization", value)])
        assert "s3cret" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_blanks_and_letters_beyond_ascii_are_percent_encoded_and_escapes_kept() -> None:
    assert build(target="/tìm kiếm?q=a%20b&c=[1]#top").target == "/t%C3%ACm%20ki%E1%BA%BFm?q=a%20b&c=[1]"


def test_neither_headers_nor_query_are_printed() -> None:
    request = build(target="/ws?token=s3cret", headers=[("Authorization", "s3cret")])
    assert "s3cret" not in repr(request) + str(request)
    assert str(request) == "GET /ws"


@pytest.mark.parametrize(
    ("method", "idempotent"),
    [
        ("GET", True),
        ("HEAD", True),
        ("OPTIONS", True),
        ("PUT", True),  # RFC 9110, 9.2.2: the same state whether once or twice
        ("DELETE", True),
        ("POST", False),
        ("PATCH", False),
        ("get", False),  # methods are case-sensitive; an unknown one is not known to be safe
    ],
)
def test_only_idempotent_methods_may_be_sent_twice(method: str, *, idempotent: bool) -> None:
    assert build(method).idempotent is idempotent


@settings(deadline=None)
@given(st.text(), st.text(), st.text())
def test_no_input_writes_a_line_of_its_own(target: str, name: str, value: Any) -> None:
    try:
        request = build("GET", "/" + target, headers=[(name, value)])
    except ValueError:
        return
    assert request.data.count(b"\r\n") == 4 - (name.lower() == "host")
    assert request.data.count(b"\r") == request.data.count(b"\n") == request.data.count(b"\r\n")


@settings(deadline=None)
@given(st.none() | st.integers() | st.text() | st.lists(st.text()))
def test_a_json_body_is_read_back_as_it_was(value: Any) -> None:
    head, _, body = build("PUT", json=value).data.partition(b"\r\n\r\n")
    assert json.loads(body) == value
    assert f"Content-Length: {len(body)}".encode() in head
