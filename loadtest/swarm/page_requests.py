"""The requests of one connection to the page: what must come whole, how large it may be, and how long it may take.

gevent's pywsgi waits for a request, its body and the next one as long as the peer likes, takes 100 header lines of
64 KiB, half of the headers for all of them, a body of any length after it has answered, and writes a traceback for some
requests that are none.
"""

import re
from http import HTTPStatus
from io import BytesIO
from typing import Any, Protocol

from gevent import pywsgi

from loadtest.swarm.page_seats import Closed, Seat, Seats

__all__ = ["HEAD_S", "UNENDED", "Handler"]

HEAD_S = 10.0
"""For a TLS handshake, and for a whole request line with its headers."""
BODY_S = 30.0
IDLE_S = 75.0
"""Between two requests; longer than a proxy keeps a connection that it does not use (nginx: 60 s)."""
STALL_S = 60.0
"""For some of an answer to be taken."""
SPARE_S = 5.0
"""After so long without that, a connection makes room for others."""
MOST_HEAD = 65536
"""Bytes of all headers of a request. A request line has 8 KiB in pywsgi."""
MOST_BODY = 262144
"""Bytes of a body: the page's own forms have a few hundred."""
PIECE = 65536
UNENDED = "with half a request"
NO_REQUEST = "with bytes that are no request"
HEADER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\0\r\n]*\r?\n")
"""A header's line (RFC 9112). The parser would end the headers at one that is none, and keep the line end of a fold."""


class Server(Protocol):
    """What a Handler needs of its server."""

    seats: Seats
    closed_on: Closed


class _Refused(ValueError):
    """A request that is answered with a status and nothing else."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Head:
    """The lines of a request's headers, as http.client reads them: so many bytes, and a line that ends."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines
        self._left = MOST_HEAD

    def readline(self, size: int) -> bytes:
        line: bytes = self._lines.readline(min(size, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "with too many headers")
        if not line.endswith(b"\n") and len(line) < size:  # pywsgi would take half of the headers for all of them
            raise _Refused(HTTPStatus.BAD_REQUEST, UNENDED)
        if not HEADER.fullmatch(line) and line not in (b"\r\n", b"\n"):
            raise _Refused(HTTPStatus.BAD_REQUEST, NO_REQUEST)
        return line


class Handler(pywsgi.WSGIHandler):  # type: ignore[misc]  # gevent has no types
    """One connection."""

    def __init__(self, sock: Any, address: Any, server: Server, seat: Seat) -> None:
        super().__init__(sock, address, server)
        self._seats = server.seats
        self._closed = server.closed_on
        self._seat = seat
        self._first = True
        self._gone = False
        self._body = b""

    def read_requestline(self) -> str:
        """The request line; nothing if there is none."""
        if not self._first:
            self._seats.expect(self._seat, "", IDLE_S)
            self.rfile.peek(1)
            self._seats.expect(self._seat, UNENDED, HEAD_S)
        self._first = False
        line: str = super().read_requestline()
        return line if line.endswith("\n") or len(line) >= pywsgi.MAX_REQUEST_LINE else ""

    def MessageClass(self, lines: Any, *_: Any) -> Any:  # noqa: N802 - pywsgi's name
        """The headers."""
        return pywsgi.headers_factory(_Head(lines))

    def read_request(self, raw_requestline: str) -> bool:
        """Read the rest of the request, its body included: nobody waits for that later."""
        super().read_request(raw_requestline)
        if "transfer-encoding" in self.headers:
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "with a body of unknown length")
        lengths = self.headers.get_all("content-length") or []
        # A proxy may read another length than we do, and then another next request.
        if len(lengths) > 1 or not all(text.isascii() and text.isdigit() for text in lengths):
            raise _Refused(HTTPStatus.BAD_REQUEST, NO_REQUEST)
        length = self.content_length or 0
        if length > MOST_BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "with too large a body")
        if length:
            self._seats.expect(self._seat, "with half a body", BODY_S)
            if self.headers.get("expect", "").lower() == "100-continue":
                self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._body = self.rfile.read(length)
        if len(self._body) < length:
            raise _Refused(HTTPStatus.BAD_REQUEST, UNENDED)
        self._seats.work(self._seat)
        return True

    def get_environ(self) -> dict[str, Any]:
        """What the application gets."""
        environ: dict[str, Any] = super().get_environ()
        self.wsgi_input = pywsgi.Input(BytesIO(self._body), self.content_length)
        return environ | {"wsgi.input": self.wsgi_input, "wsgi.input_terminated": True}

    def _sendall(self, data: bytes) -> None:
        """Send it in pieces, so that a large answer may take long as long as it goes on."""
        left = memoryview(data)
        try:
            while left:
                self._seats.expect(self._seat, "whose answer was not taken", STALL_S, SPARE_S)
                left = left[self.socket.send(left[:PIECE]) :]
        except OSError:
            self._gone = True
            raise
        finally:
            self._seats.work(self._seat)
        self.response_length += len(data)

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        """Answer a request that can't be read. Nothing of it goes into the log: it may hold a secret."""
        refused = isinstance(ex, _Refused)
        if self._seats.has(self._seat):  # else that is told already
            broke = "that broke" if isinstance(ex, OSError) else NO_REQUEST
            self._closed.count(str(ex) if refused else broke)
        status = ex.status if isinstance(ex, _Refused) else HTTPStatus.BAD_REQUEST
        answer = f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        return str(status.value), answer.encode()

    def handle_error(self, t: Any, v: Any, tb: Any) -> None:
        """Tell of an error of ours; that the peer went away is none."""
        if self._gone:
            self.close_connection = True
        else:
            super().handle_error(t, v, tb)
