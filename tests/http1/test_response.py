import gzip
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.errors import ProtocolViolation
from loadtest.http1 import Response, ResponseParser

Row = tuple[tuple[bytes, str, bool], int, bytes, bool]

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ZIPPED = gzip.compress(b"hello" * 20)

GOOD: list[Row] = [
    # (bytes, method, does the server close after them), status, body, keep-alive
    ((OK + b"Content-Length: 5\r\n\r\nhello", "GET", False), 200, b"hello", True),
    ((OK + b"Content-Length: 0\r\n\r\n", "GET", False), 200, b"", True),
    ((OK + b"Content-Length: 5\r\nConnection: close\r\n\r\nhello", "GET", False), 200, b"hello", False),
    ((b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "GET", False), 200, b"hello", False),  # 1.0 doesn't persist
    ((OK + b"\r\nhello", "GET", True), 200, b"hello", False),  # until close
    ((OK + b"\r\n", "GET", True), 200, b"", False),  # until close, with nothing in it
    ((CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "GET", False), 200, b"hello world", True),
    ((CHUNKED + b"00A;x=y\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n", "GET", False), 200, b"0123456789", True),
    ((CHUNKED + b"0\r\n\r\n", "GET", False), 200, b"", True),
    ((OK + b"Content-Length: 5\r\n\r\n", "HEAD", False), 200, b"", True),  # the length of what GET would send
    ((CHUNKED, "HEAD", False), 200, b"", True),
    ((OK + b"\r\n", "HEAD", False), 200, b"", True),  # no length, but nothing to read until close either
    ((b"HTTP/1.1 204 No Content\r\n\r\n", "DELETE", False), 204, b"", True),
    ((b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET", False), 304, b"", True),
    ((b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok", "PUT", False), 200, b"ok", True),
    ((b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n" * 3 + CHUNKED + b"0\r\n\r\n", "GET", False), 200, b"", True),
    ((b"HTTP/1.1 500 Oops\r\nContent-Length: 1\r\n\r\n!", "GET", False), 500, b"!", True),  # an answer like any other
    (
        (OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED, "GET", False),
        200,
        b"hello" * 20,
        True,
    ),
    (
        (CHUNKED[:-2] + b"Content-Encoding: gzip\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(ZIPPED), ZIPPED), "GET", False),
        200,
        b"hello" * 20,
        True,
    ),
    ((OK + b"Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", "GET", False), 200, b"", True),  # nothing to decode
    ((OK + b"Content-Encoding: gzip\r\nContent-Length: 99\r\n\r\n", "HEAD", False), 200, b"", True),
]

BAD = [
    # bytes, method, does the server close after them, name
    (b"hello\n", "GET", False, "not HTTP/1.x"),  # HTTP/0.9, or another protocol altogether
    (b"\x15\x03\x01\x00\x02\x02\x46", "GET", False, "not HTTP/1.x"),  # a TLS alert
    (b"\r\n" + OK + b"\r\n", "GET", False, "not HTTP/1.x"),
    (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "GET", False, "malformed header"),  # lines without CR
    (OK + b"Content-Length: 5\r\n\r\nhell", "GET", True, "truncated"),
    (OK + b"Content-Le", "GET", True, "truncated"),
    (b"HTTP/1.1 100 Continue\r\n\r\n", "GET", True, "truncated"),  # no final answer
    (CHUNKED + b"5\r\nhello\r\n", "GET", True, "truncated"),
    (OK + b"Content-Length: 5\r\n\r\nhello!", "GET", False, "unsolicited data"),
    (OK + b"Content-Length: 0\r\n\r\n\r\n", "GET", False, "unsolicited data"),  # even if only a line end
    (OK + b"Content-Length: 5\r\n\r\nhello", "HEAD", False, "unsolicited data"),  # a body after HEAD
    (b"HTTP/1.1 204 No Content\r\n\r\nhello", "GET", False, "unsolicited data"),
    ((OK + b"Content-Length: 0\r\n\r\n") * 2, "GET", False, "unsolicited data"),  # an answer nobody asked for
    (CHUNKED + b"0\r\n\r\n" + OK, "GET", False, "unsolicited data"),
    (CHUNKED + b"0\r\n\r\n\r\n", "GET", False, "unsolicited data"),
    (CHUNKED + b"0\r\n\r\nx", "GET", False, "unsolicited data"),
    (CHUNKED + b"0\r\nA: b\r\n\r\n\n", "GET", False, "unsolicited data"),
    (CHUNKED + b"5\r\nhello!!", "GET", False, "bad chunk"),
    (CHUNKED + b"-5\r\nhello", "GET", False, "bad chunk"),
    (CHUNKED + b"5 \r\nhello", "GET", False, "bad chunk"),
    (CHUNKED + b"g\r\n", "GET", False, "bad chunk"),
    (CHUNKED + b"\r\n\r\n", "GET", False, "bad chunk"),
    (CHUNKED + b"5\nhello\n0\n\n", "GET", False, "bad chunk"),
    (CHUNKED + b"FFFFFFFFFFFFFFFFF\r\n", "GET", False, "bad chunk"),  # past 64 bits
    (CHUNKED + b"0\r\nno colon\r\n\r\n", "GET", False, "bad chunk"),  # a malformed trailer
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 17, "GET", False, "too many interim answers"),
    (OK + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "GET", False, "unknown content-encoding"),
    (OK + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "GET", False, "bad content-encoding"),
]


def read(pieces: list[bytes], method: str, *, closes: bool, **limits: int) -> Response | str | None:
    """What a fresh parser makes of the pieces: an answer, the name of a violation, or nothing yet."""
    parser = ResponseParser(**limits)
    parser.expect(method)
    answer = None
    try:
        for piece in pieces:
            answer = parser.feed(piece) or answer
        return (parser.eof() if closes else None) or answer
    except ProtocolViolation as violation:
        return violation.name


def cut(data: bytes, places: list[int]) -> list[bytes]:
    return [data[start:end] for start, end in pairwise([0, *sorted(places), len(data)]) if start < end]


@pytest.mark.parametrize(("sent", "status", "body", "keep_alive"), GOOD)
def test_an_answer_is_the_same_wherever_it_is_cut(
    sent: tuple[bytes, str, bool], status: int, body: bytes, *, keep_alive: bool
) -> None:
    data, method, closes = sent
    for place in range(len(data) + 1):
        answer = read(cut(data, [place]), method, closes=closes)
        assert isinstance(answer, Response), answer
        assert (answer.status, answer.body, answer.keep_alive) == (status, body, keep_alive)
    assert read([data[i : i + 1] for i in range(len(data))], method, closes=closes) == answer


@pytest.mark.parametrize(("data", "method", "closes", "name"), BAD)
def test_a_violation_is_the_same_wherever_it_is_cut(data: bytes, method: str, name: str, *, closes: bool) -> None:
    for place in range(len(data) + 1):
        assert read(cut(data, [place]), method, closes=closes) == f"response: {name}"
    assert read([data[i : i + 1] for i in range(len(data))], method, closes=closes) == f"response: {name}"


@settings(deadline=None)
@given(st.sampled_from(GOOD), st.sampled_from(GOOD), st.data())
def test_two_answers_on_one_connection_do_not_touch_each_other(first: Row, second: Row, data: st.DataObject) -> None:
    parser = ResponseParser()
    for (raw, method, closes), status, body, _ in (first, second):
        parser.expect(method)
        places = data.draw(st.lists(st.integers(0, len(raw))))
        answers = [parser.feed(piece) for piece in cut(raw, places)]
        if closes:
            answers.append(parser.eof())
        assert answers[:-1] == [None] * (len(answers) - 1)
        assert answers[-1] is not None
        assert (answers[-1].status, answers[-1].body) == (status, body)
        assert not parser.waiting


@settings(deadline=None)
@given(
    data=st.binary(max_size=300),
    places=st.lists(st.integers(0, 300)),
    method=st.sampled_from(["GET", "HEAD"]),
    closes=st.booleans(),
)
def test_arbitrary_bytes_raise_nothing_but_violations(
    data: bytes, places: list[int], method: str, *, closes: bool
) -> None:
    read(cut(data, [place for place in places if place < len(data)]), method, closes=closes)


@settings(deadline=None)
@given(st.sampled_from([*[good[0] for good in GOOD], *[bad[:3] for bad in BAD]]), st.data())
def test_damaged_answers_give_the_same_result_wherever_they_are_cut(
    sent: tuple[bytes, str, bool], data: st.DataObject
) -> None:
    raw, method, closes = sent
    damaged = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from(b"\r\n\0 0:9AZ;,\xff"))
    places = data.draw(st.lists(st.integers(0, len(raw))))
    whole = read([bytes(damaged)], method, closes=closes)
    pieces = read(cut(bytes(damaged), places), method, closes=closes)
    assert isinstance(whole, str) == isinstance(pieces, str)
    if isinstance(whole, Response):
        assert whole == pieces


def test_headers_are_found_whatever_their_case_and_the_first_wins() -> None:
    answer = read([OK + b"X-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"], "GET", closes=False)
    assert isinstance(answer, Response)
    assert answer.header("x-A") == "1"
    assert answer.header("x-b") is None


def test_data_nobody_asked_for_is_a_violation_on_an_idle_connection() -> None:
    with pytest.raises(ProtocolViolation, match="response: unsolicited data"):
        ResponseParser().feed(b"HTTP/1.1 408 Request Timeout\r\n\r\n")


def test_a_close_before_the_first_byte_is_not_a_broken_answer() -> None:
    parser = ResponseParser()
    parser.expect("GET")
    assert parser.eof() is None
    assert not parser.started


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (OK + b"X: " + b"a" * 500, "headers too large"),  # a value without end
        (OK + b"X: y\r\n" * 100, "headers too large"),  # headers without end
        (OK + b"X: " + b"a" * 500 + b"\r\n\r\n", "headers too large"),  # it ends, but too late
        (OK + b"Content-Length: 201\r\n\r\n", "body too large"),  # said, though not yet sent
        (OK + b"\r\n" + b"a" * 201, "body too large"),  # until close
        (CHUNKED + b"1\r\na\r\n" * 201, "body too large"),
        (CHUNKED + b"FFFFFF\r\n" + b"a" * 201, "body too large"),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"a" * 201), "body too large"),  # once unpacked
    ],
)
def test_nothing_grows_past_its_limit(data: bytes, name: str) -> None:
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        assert read(pieces, "GET", closes=True, max_head=400, max_body=200) == f"response: {name}"


@pytest.mark.parametrize("endless", [b"5;" + b"x" * 70_000, b"0\r\nX: " + b"x" * 70_000])
def test_a_chunk_extension_or_a_trailer_without_end_is_cut_off(endless: bytes) -> None:
    pieces = [CHUNKED, *(endless[i : i + 1000] for i in range(0, len(endless), 1000))]
    assert read(pieces, "GET", closes=False) == "response: headers too large"


def test_a_limit_reached_is_not_a_limit_passed() -> None:
    answer = read([OK + b"Content-Length: 200\r\n\r\n" + b"a" * 200], "GET", closes=False, max_body=200)
    assert isinstance(answer, Response)


def test_tiny_chunks_take_no_more_memory_than_what_is_in_them() -> None:
    parser = ResponseParser()
    parser.expect("GET")
    parser.feed(CHUNKED)
    piece = b"2\r\nab\r\n" * 5000
    tracemalloc.start()
    try:
        for _ in range(40):
            parser.feed(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    response = parser.feed(b"0\r\n\r\n")
    assert response is not None
    assert response.body == b"ab" * 200_000
    assert peak < 4 * 400_000  # as 200,000 objects they would be 7 MB
