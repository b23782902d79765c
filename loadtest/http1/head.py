"""Status line and header fields of one response: its meaning and where its body ends. The body is response.py's.

`httptools` (llhttp, in strict mode) tokenizes and validates. A server sends the same head again and again (its Date
moves once a second), so heads already parsed are remembered.
"""

from functools import lru_cache
from typing import NamedTuple

import httptools

from loadtest.errors import ProtocolViolation

__all__ = ["CHUNKED", "MAX_HEADERS", "START", "UNTIL_CLOSE", "Head", "RawHeaders", "parse_head"]

RawHeaders = tuple[tuple[bytes, bytes], ...]
"""Names and values as they came, in order; only trailing blanks are gone."""

CHUNKED = -1
UNTIL_CLOSE = -2
START = b"HTTP/1."
"""What every answer begins with; anything else (HTTP/0.9, TLS, another protocol) is refused at its first byte."""
MAX_HEADERS = 256
_REMEMBERED = 128
_NO_BODY = frozenset({204, 304})


class Head(NamedTuple):
    """What a head says."""

    status: int
    headers: RawHeaders
    length: int
    """Bytes of the body, or CHUNKED, or UNTIL_CLOSE; 0 where the status forbids a body. HEAD is the caller's."""
    keep_alive: bool
    encodings: tuple[str, ...]
    """Content codings in the order the server applied them."""


class _Fields:
    """Collects what llhttp finds."""

    def __init__(self) -> None:
        self.pairs: list[tuple[bytes, bytes]] = []
        self.complete = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete += 1


@lru_cache(_REMEMBERED)
def parse_head(raw: bytes) -> Head:
    """Parse a whole head, its empty line included. Raises ProtocolViolation."""
    if not raw.startswith(START):
        raise ProtocolViolation("response: not HTTP/1.x")
    fields = _Fields()
    parser = httptools.HttpResponseParser(fields)
    try:
        parser.feed_data(raw)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise ProtocolViolation(_name(error, parser.get_status_code())) from error
    status = parser.get_status_code()
    if fields.complete != 1 or len(fields.pairs) > MAX_HEADERS:
        raise ProtocolViolation("response: malformed header" if fields.complete != 1 else "response: headers too large")
    if status < 100:  # noqa: PLR2004 - RFC 9110, 15: three digits, the first of them 1 to 5
        raise ProtocolViolation("response: bad status")
    return _meaning(status, tuple(fields.pairs), recent=parser.get_http_version() != "1.0")


def _name(error: Exception, status: int) -> str:
    """Our stable name for what llhttp objects to; its own texts may change with its version."""
    text = str(error)
    if status == 101:  # noqa: PLR2004 - RFC 9110, 15.2.2: only on request, and we never request it
        return "response: upgrade not asked for"
    if "Transfer-Encoding can't" in text or "Content-Length can't" in text or "Duplicate Content-Length" in text:
        return "response: conflicting lengths"
    if "Content-Length" in text:
        return "response: bad content-length"
    return "response: bad status" if "status" in text else "response: malformed header"


def _meaning(status: int, headers: RawHeaders, *, recent: bool) -> Head:
    length: int | None = None
    connection: list[str] = []
    encodings: list[str] = []
    for raw_name, value in headers:
        name = raw_name.lower()
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            # We send no TE, so nothing but `chunked` may come, and HTTP/1.0 knows none at all (RFC 9112, 6.1).
            if value.lower() != b"chunked" or not recent or length == CHUNKED:
                raise ProtocolViolation("response: unknown transfer-encoding")
            length = CHUNKED
        elif name == b"connection":
            connection += _tokens(value)
        elif name == b"content-encoding":
            encodings += _tokens(value)
    if status in _NO_BODY or status < 200:  # noqa: PLR2004 - RFC 9112, 6.3: these end with their head
        length = 0
    if length is None:
        length = UNTIL_CLOSE
    # RFC 9112, 9.3: `close` wins, HTTP/1.1 persists, HTTP/1.0 only if it says so.
    keep_alive = "close" not in connection and (recent or "keep-alive" in connection)
    return Head(status, headers, length, keep_alive, tuple(coding for coding in encodings if coding != "identity"))


def _tokens(value: bytes) -> list[str]:
    return [token for part in value.decode("latin-1").lower().split(",") if (token := part.strip())]
