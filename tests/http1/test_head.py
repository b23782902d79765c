import pytest

from loadtest.errors import ProtocolViolation
from loadtest.http1.head import CHUNKED, MAX_HEADERS, UNTIL_CLOSE, parse_head


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


OK = "HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("lines", "length", "keep_alive"),
    [
        ((OK, "Content-Length: 5"), 5, True),
        ((OK, "content-LENGTH:5 "), 5, True),  # any case, any blanks around the value
        ((OK, "Transfer-Encoding: Chunked"), CHUNKED, True),
        ((OK,), UNTIL_CLOSE, True),  # RFC 9112, 6.3, rule 8; the parser then forbids reuse
        ((OK, "Content-Length: 5", "Connection: close"), 5, False),
        ((OK, "Content-Length: 5", "Connection: keep-alive, Close"), 5, False),  # close wins (9.3)
        ((OK, "Content-Length: 5", "Connection: Upgrade", "Upgrade: h2"), 5, True),  # Apache offers h2 like this
        (("HTTP/1.0 200 OK", "Content-Length: 5"), 5, False),
        (("HTTP/1.0 200 OK", "Content-Length: 5", "Connection: Keep-Alive"), 5, True),
        (("HTTP/1.1 204 No Content",), 0, True),
        (("HTTP/1.1 304 Not Modified", "Content-Length: 5"), 0, True),  # the length of what wasn't sent (8.6)
        (("HTTP/1.1 103 Early Hints", "Link: </a>"), 0, True),
        (("HTTP/1.1 200",), UNTIL_CLOSE, True),  # the reason phrase is optional in practice
        (("HTTP/1.1 599 Odd", "Content-Length: 1"), 1, True),
    ],
)
def test_where_a_body_ends_and_whether_the_connection_stays(
    lines: tuple[str, ...], length: int, *, keep_alive: bool
) -> None:
    parsed = parse_head(head(*lines))
    assert (parsed.length, parsed.keep_alive) == (length, keep_alive)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"\r\n\r\n", "not HTTP/1.x"),
        (head("ICY 200 OK"), "not HTTP/1.x"),
        (head("HTTP/2.0 200 OK"), "not HTTP/1.x"),
        (head("HTTP/1.2 200 OK"), "malformed header"),
        (head("HTTP/1.1 2000 OK"), "bad status"),
        (head("HTTP/1.1 20 OK"), "bad status"),
        (head("HTTP/1.1 099 OK"), "bad status"),
        (head("HTTP/1.1 two OK"), "bad status"),
        (head(OK, "Content-Length: 5", "Content-Length: 6"), "conflicting lengths"),
        (head(OK, "Content-Length: 5", "Content-Length: 5"), "conflicting lengths"),  # 6.3 allows refusing it
        (head(OK, "Content-Length: 5", "Transfer-Encoding: chunked"), "conflicting lengths"),  # smuggling (6.1)
        (head(OK, "Transfer-Encoding: chunked", "Content-Length: 5"), "conflicting lengths"),
        (head(OK, "Content-Length: 5, 5"), "bad content-length"),
        (head(OK, "Content-Length: -5"), "bad content-length"),
        (head(OK, "Content-Length: 0x5"), "bad content-length"),
        (head(OK, "Content-Length:"), "bad content-length"),
        (head(OK, "Content-Length: 99999999999999999999"), "bad content-length"),
        (head(OK, "Transfer-Encoding: gzip, chunked"), "unknown transfer-encoding"),  # we send no TE
        (head(OK, "Transfer-Encoding: identity"), "unknown transfer-encoding"),
        (head(OK, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), "unknown transfer-encoding"),
        (head("HTTP/1.0 200 OK", "Transfer-Encoding: chunked"), "unknown transfer-encoding"),  # 6.1: faulty framing
        (head(OK, "A : b"), "malformed header"),  # RFC 9112, 5.1: no blank before the colon
        (head(OK, "A: b", " folded"), "malformed header"),  # RFC 9112, 5.2
        (head(OK, "A: b\rc"), "malformed header"),
        (head(OK, "A: \0"), "malformed header"),
        (head(OK, "no colon"), "malformed header"),
        (head(OK, ": nameless"), "malformed header"),
        (b"HTTP/1.1 200 OK\nA: b\r\n\r\n", "malformed header"),  # a line without CR
        (b"HTTP/1.1 200 OK\r\nA: b\n\nHTTP/1.1 200 OK\r\n\r\n", "malformed header"),
        (head(OK, *["A: b"] * (MAX_HEADERS + 1)), "headers too large"),
        (
            head("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"),
            "upgrade not asked for",
        ),
        (head("HTTP/1.1 101 Switching Protocols"), "upgrade not asked for"),
    ],
)
def test_a_bad_head_has_a_name(raw: bytes, name: str) -> None:
    for _ in range(2):  # the second time must not be answered from memory
        with pytest.raises(ProtocolViolation) as violation:
            parse_head(raw)
        assert violation.value.name == f"response: {name}"


def test_a_head_seen_before_is_not_parsed_again() -> None:
    raw = head(OK, "Content-Length: 1", "Date: today")
    assert parse_head(raw) is parse_head(bytes(bytearray(raw)))


def test_content_codings_are_named_in_the_order_applied_without_identity() -> None:
    parsed = parse_head(head(OK, "Content-Encoding: Deflate, identity", "Content-Encoding: gzip"))
    assert parsed.encodings == ("deflate", "gzip")
