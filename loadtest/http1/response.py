"""Response bytes in, complete responses out, however the bytes were cut. No socket, no clock."""

from dataclasses import dataclass, field

import httptools

from loadtest.errors import ProtocolViolation
from loadtest.http1.content import decode
from loadtest.http1.head import CHUNKED, START, UNTIL_CLOSE, Head, RawHeaders, parse_head

__all__ = ["MAX_BODY", "MAX_HEAD", "Response", "ResponseParser"]

MAX_HEAD = 64 * 2**10
"""Bytes of status line and headers (and of what surrounds the chunks in one go) before we give up."""
MAX_BODY = 64 * 2**20
"""Bytes of a body, as received and as decoded."""
_MAX_INTERIM = 16
_END = b"\r\n\r\n"


@dataclass(slots=True)
class Response:
    """One complete answer."""

    status: int
    headers: RawHeaders = field(repr=False)
    body: bytes = field(repr=False)
    """Without transfer and content codings."""
    keep_alive: bool
    """The connection may be used again."""

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name."""
        wanted = name.lower().encode("latin-1")
        for key, value in self.headers:
            if key.lower() == wanted:
                return value.decode("latin-1")
        return None


class ResponseParser:
    """Reads the answers of one connection, one at a time, each announced by `expect`.

    Every method that takes bytes raises ProtocolViolation with a stable name; after that the connection is of no use.
    """

    __slots__ = (
        "_chunks", "_head", "_head_only", "_interim", "_max_body", "_max_head", "_parts", "_pending", "_received",
        "started", "waiting",
    )  # fmt: skip

    def __init__(self, *, max_head: int = MAX_HEAD, max_body: int = MAX_BODY) -> None:
        self._max_head = max_head
        self._max_body = max_body
        self.waiting = False
        """An answer is owed."""
        self.started = False
        """The first byte of the owed answer is here."""
        self._head_only = False
        self._reset()

    def _reset(self) -> None:
        self._head: Head | None = None
        self._pending = bytearray()
        self._parts: list[bytes] = []
        self._received = 0
        self._interim = 0
        self._chunks: _Chunks | None = None

    def expect(self, method: str) -> None:
        """A request was sent: the next answer belongs to it."""
        self.waiting = True
        self.started = False
        self._head_only = method == "HEAD"

    def feed(self, data: bytes) -> Response | None:
        """Take what was read; the answer if this completes it."""
        if not self.waiting:
            raise ProtocolViolation("response: unsolicited data")
        self.started = True
        return self._feed_head(data) if self._head is None else self._feed_body(self._head, data)

    def eof(self) -> Response | None:
        """The server closed: the answer if that completes it; None if no byte of one had come."""
        if not self.waiting or not self.started:
            return None
        if self._head is None or self._length(self._head) != UNTIL_CLOSE:
            raise ProtocolViolation("response: truncated")
        return self._finish(self._head, b"".join(self._parts))

    def _length(self, head: Head) -> int:
        """RFC 9112, 6.3: an answer to HEAD ends with its head, whatever that says."""
        return 0 if self._head_only else head.length

    def _feed_head(self, data: bytes) -> Response | None:
        searched = 0
        if self._pending:
            searched = max(0, len(self._pending) - len(_END) + 1)
            self._pending += data
            data = self._pending  # type: ignore[assignment] # a slice of it is made bytes below
        while (end := data.find(_END, searched) + len(_END)) >= len(_END):
            if end > self._max_head:
                raise ProtocolViolation("response: headers too large")
            head = parse_head(bytes(data[:end]))
            data, searched = bytes(data[end:]), 0
            if head.status >= 200:  # noqa: PLR2004 - 1xx come before the answer (RFC 9110, 15.2)
                self._pending = bytearray()
                return self._begin_body(head, data)
            self._interim += 1
            if self._interim > _MAX_INTERIM:
                raise ProtocolViolation("response: too many interim answers")
        self._keep(data, searched)
        return None

    def _keep(self, data: bytes, searched: int) -> None:
        """Wait for the rest of the head, unless it can't become one any more."""
        if len(data) > self._max_head:
            raise ProtocolViolation("response: headers too large")
        if not START.startswith(data[: len(START)]):
            raise ProtocolViolation("response: not HTTP/1.x")
        if data.find(b"\n\n", searched) >= 0:  # lines without CR: its end would never be found
            raise ProtocolViolation("response: malformed header")
        if data is not self._pending:
            self._pending = bytearray(data)

    def _begin_body(self, head: Head, data: bytes) -> Response | None:
        length = self._length(head)
        if len(data) == length:
            return self._finish(head, data)
        if length > self._max_body:
            raise ProtocolViolation("response: body too large")
        self._head = head
        if length == CHUNKED:
            self._chunks = _Chunks(self._max_body)
        return self._feed_body(head, data) if data else None

    def _feed_body(self, head: Head, data: bytes) -> Response | None:
        if self._chunks is not None:
            return self._finish(head, bytes(self._chunks.body)) if self._chunks.feed(data) else None
        length = self._length(head)
        self._parts.append(data)
        self._received += len(data)
        if length == UNTIL_CLOSE:
            if self._received > self._max_body:
                raise ProtocolViolation("response: body too large")
            return None
        if self._received > length:
            raise ProtocolViolation("response: unsolicited data")
        return self._finish(head, b"".join(self._parts)) if self._received == length else None

    def _finish(self, head: Head, body: bytes) -> Response:
        keep_alive = head.keep_alive and (head.length != UNTIL_CLOSE or self._head_only)
        if head.encodings and body:
            body = decode(body, head.encodings, self._max_body)
        self.waiting = False
        if self._head is not None or self._interim:
            self._reset()
        return Response(head.status, head.headers, body, keep_alive)


class _Chunks:
    """A chunked body (RFC 9112, 7.1), taken apart by llhttp; trailers are skipped.

    Chunks are joined as they come: kept apart, tiny ones would take thirty times the memory of what is in them.
    """

    _PRELUDE = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    __slots__ = ("_complete", "_limit", "_overhead", "_parser", "_tail", "body")

    def __init__(self, limit: int) -> None:
        self.body = bytearray()
        self._limit = limit
        self._overhead = 0
        self._tail = b""
        self._complete = False
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._parser.feed_data(self._PRELUDE)

    def feed(self, data: bytes) -> bool:
        """Take what was read; whether this completes the body."""
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)  # type: ignore[union-attr] # it is there until the body is complete
        except httptools.HttpParserError as error:
            name = "response: unsolicited data" if self._complete else "response: bad chunk"
            cause = error.__context__
            raise (cause if isinstance(cause, ProtocolViolation) else ProtocolViolation(name)) from error
        if self._overhead > MAX_HEAD:  # an endless extension or trailer
            raise ProtocolViolation("response: headers too large")
        self._tail = (self._tail + data[-5:])[-5:]
        if self._complete:
            self._parser = None  # it holds us: without this, only the garbage collector could free both
            # llhttp skips line ends after a body; they are not the server's to send.
            if not self._tail.endswith(_END) or self._tail[0] in b"\r\n":
                raise ProtocolViolation("response: unsolicited data")
        return self._complete

    def on_message_begin(self) -> None:
        if self._complete:
            raise ProtocolViolation("response: unsolicited data")

    def on_chunk_header(self) -> None:
        self._overhead = 0

    def on_body(self, part: bytes) -> None:
        self._overhead = 0
        if len(self.body) + len(part) > self._limit:
            raise ProtocolViolation("response: body too large")
        self.body += part

    def on_message_complete(self) -> None:
        self._complete = True
