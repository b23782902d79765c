"""Uvicorn's own connection objects, reached through ASGI's `send`: the one place that knows their insides.

Nothing is counted here.

Why not plain ASGI: its `send` returns normally for what uvicorn then throws away, since a transport that is closing
(the client's end of file, with no Close before it) takes bytes and drops them, and an HTTP answer to a client that
has gone is dropped in silence. Here each write says whether it was made. "Written" is then exact for every connection
that ends with a Close, whoever sends it: uvicorn's WebSocketsSansIOProtocol handles the client's Close in one step
(state CLOSING, echo written), so that what is written while the state is OPEN stands before the server's Close in the
TCP stream, and nothing stands after it. What a reset connection had in its buffers is lost with it, and nobody can
count that.

It is also cheaper: a broadcast's frame is built once and written as it is, and an HTTP answer is one write, not two
(one system call for the server, one wake-up for the client).
"""

import struct
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

__all__ = ["Answer", "WebSocket", "answerable", "binary_frame", "send_answer", "text_frame"]

_FIN_TEXT, _FIN_BINARY = 0x81, 0x82  # RFC 6455, 5.2
_OPEN = State.OPEN


def _frame(first: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:  # noqa: PLR2004 - RFC 6455, 5.2: the three forms of a length
        return bytes((first, length)) + payload
    if length < 65_536:  # noqa: PLR2004 - the same
        return struct.pack("!BBH", first, 126, length) + payload
    return struct.pack("!BBQ", first, 127, length) + payload


def text_frame(payload: bytes) -> bytes:
    """Frame a whole text message, unmasked as a server's must be."""
    return _frame(_FIN_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """Frame a whole binary message."""
    return _frame(_FIN_BINARY, payload)


class WebSocket:
    """The server's end of one accepted WebSocket.

    Raises:
        TypeError: the server is not uvicorn with its WebSocketsSansIOProtocol (its default when websockets is
            installed).
    """

    __slots__ = ("_conn", "_protocol", "_transport", "plain")

    def __init__(self, send: Any) -> None:
        protocol = getattr(send, "__self__", None)
        if not isinstance(protocol, WebSocketsSansIOProtocol):
            raise TypeError(
                "the demo backend counts at the level of uvicorn's websockets-sansio; run it as `python -m backend`"
            )
        self._protocol = protocol
        self._conn = protocol.conn
        self._transport = protocol.transport
        self.plain = not protocol.conn.extensions
        """Whether frames go out as they are: no compression was negotiated."""

    @property
    def accepted(self) -> bool:
        """Whether the answer to the upgrade was written: the client may have gone before."""
        return self._conn.state is not State.CONNECTING

    @property
    def writable(self) -> bool:
        """Whether the client keeps up: less than the transport's high-water mark waits to be sent."""
        return self._protocol.writable.is_set()

    async def wait_writable(self) -> None:
        """Wait until the client has caught up, or is gone."""
        await self._protocol.writable.wait()

    def write(self, frame: bytes) -> bool:
        """Write one whole message, without waiting; False: it was not written, the connection is at its end."""
        if self._conn.state is not _OPEN or self._transport.is_closing():
            return False
        if self.plain:
            self._transport.write(frame)
        else:
            self._write_compressed(frame)
        return True

    def _write_compressed(self, frame: bytes) -> None:
        payload = frame[{126: 4, 127: 10}.get(frame[1], 2) :]
        (self._conn.send_text if frame[0] == _FIN_TEXT else self._conn.send_binary)(payload)
        self._transport.write(b"".join(self._conn.data_to_send()))

    def cut(self) -> None:
        """End the TCP stream after what was written, with no Close."""
        self._transport.close()

    async def close(self, code: int) -> None:
        """Send a Close as soon as the client has caught up; one that closes at the same time is closed already."""
        with suppress(ClientDisconnected, RuntimeError):
            await self._protocol.send({"type": "websocket.close", "code": code, "reason": ""})

    def abort(self) -> None:
        """Drop the connection and what waits to be sent."""
        self._transport.abort()

    def ended(self) -> tuple[str, int | None]:
        """Tell who closed and with what code: client, server or network (no Close was seen; None)."""
        sent, received = self._conn.close_sent, self._conn.close_rcvd
        if received is not None and self._conn.close_rcvd_then_sent:
            return "client", received.code
        if sent is not None:
            return "server", sent.code
        return "network", None


class Answer:
    """A complete HTTP answer, built once and sent many times."""

    __slots__ = ("_head", "body", "status")

    def __init__(self, body: bytes, status: int = 200, media: bytes = b"application/json") -> None:
        self.body = body
        self.status = status
        self._head = b"content-type: %b\r\ncontent-length: %d\r\n" % (media, len(body))

    def to_bytes(self, cycle: RequestResponseCycle) -> bytes:
        """Give the bytes for this request: the date, and whether the connection stays, are its own."""
        parts = [STATUS_LINE[self.status]]
        for name, value in cycle.default_headers:
            parts += [name, b": ", value, b"\r\n"]
        parts += [self._head, b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n", self.body]
        return b"".join(parts)


async def send_answer(send: Any, answer: Answer) -> bool:
    """Send an answer in one write; False: nobody was there to take it.

    Does what uvicorn's `send` does for the two ASGI messages of an answer, save checking headers that we wrote
    ourselves.
    """
    cycle = getattr(send, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle):
        raise TypeError("the demo backend counts at the level of uvicorn's httptools; run it as `python -m backend`")
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if not answerable(send):
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.transport.write(answer.to_bytes(cycle))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def answerable(send: Any) -> bool:
    """Tell whether the client of this request is still there."""
    cycle: RequestResponseCycle = send.__self__
    return not cycle.disconnected and not cycle.transport.is_closing()
