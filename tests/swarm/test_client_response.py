from datetime import timedelta

from locust.exception import LocustError

import pytest

from loadtest.http1 import Response
from loadtest.swarm.client_response import BadStatus, ClientResponse, Outcome
from loadtest.swarm.http import Answer, RequestFailed


def responded(body: bytes = b"", *headers: tuple[bytes, bytes], status: int = 200) -> ClientResponse:
    return ClientResponse("http://target/", Answer(Response(status, headers, body, True), 1.0, 1.25, None, 0))  # noqa: FBT003


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        (b"text/html; charset=ISO-8859-1", b"\xe9", "é"),
        (b'text/html; Charset="utf-8"; x=y', "é".encode(), "é"),  # quoted, and not the last parameter
        (b"application/json", "é".encode(), "é"),  # unsaid: UTF-8
        (b"text/html; charset=", b"a", "a"),
        (b"text/html; charset=klingon", "é".encode(), "é"),  # unknown
        (b"text/html; charset=base64", b"YQ==", "YQ=="),  # a codec of Python's, but not for text
        (b"text/html; charset=a\x00b", b"a", "a"),
        (b"text/html", b"\xff", "\ufffd"),  # not what it says it is
    ],
)
def test_text_is_decoded_by_the_charset_named(content_type: bytes, body: bytes, text: str) -> None:
    assert responded(body, (b"Content-Type", content_type)).text == text


def test_headers_of_one_name_are_joined_and_found_in_any_case() -> None:
    headers = responded(b"", (b"Via", b"a"), (b"X", b"y"), (b"VIA", b"b")).headers
    assert (headers["vIa"], dict(headers), len(headers), "x" in headers) == ("a, b", {"via": "a, b", "x": "y"}, 2, True)


def test_elapsed_is_from_sending_to_the_last_byte() -> None:
    assert responded().elapsed == timedelta(milliseconds=250)


def test_a_failed_request_is_a_response_with_status_0_and_the_failure_in_it() -> None:
    failure = RequestFailed("request: timeout")
    failure.sent, failure.done = 1.0, 3.0
    response = ClientResponse("http://target/", failure)
    assert (response.status_code, response.ok, response.content, response.error) == (0, False, b"", failure)
    assert response.elapsed == timedelta(seconds=2)


def test_a_bad_status_has_a_name_to_be_counted_under() -> None:
    error = responded(status=503).error
    assert isinstance(error, BadStatus)
    assert (error.name, str(error)) == ("response: HTTP 503", "response: HTTP 503")


def test_a_response_that_is_not_caught_cannot_be_judged() -> None:
    with pytest.raises(LocustError, match="catch_response=True"):
        responded().success()


@pytest.mark.parametrize(
    ("exception", "error"),
    [
        (None, None),
        (RequestFailed("connect: refused"), "connect: refused"),
        (ValueError("no quotes"), "no quotes"),
        (ValueError(), "ValueError"),  # without a text, its kind
    ],
)
def test_an_outcome_is_named_by_what_failed_it(exception: Exception | None, error: str | None) -> None:
    outcome = Outcome("GET", "/", responded(b"abc"), due=0.5, sent=1.0, done=1.25, retries=0, context={})
    outcome.judge(exception)
    assert (outcome.error, outcome.exception) == (error, exception)
    assert (outcome.status, outcome.length, outcome.url) == (200, 3, "http://target/")
