"""A non-blocking TCP or TLS socket, read in the hub's callback as soon as there is something.

Bytes in, bytes out; how a connection is made is dial's, what the bytes mean is the sink's.
"""

import socket
import ssl
import time
from contextlib import suppress
from typing import Any, Protocol

from gevent import get_hub
from gevent.socket import SHUT_WR

from loadtest.swarm.edge import READ_BYTES, RESET, TIMED_OUT, lost, report
from loadtest.swarm.readers import EOF, SO_TIMESTAMPNS, NeverRepeated, Readers, Taker, readers_of
from loadtest.swarm.tls import TLS_ERROR, TlsLayer

__all__ = ["EOF", "OVERFLOW", "RESET", "TIMED_OUT", "TLS_ERROR", "Transport", "TransportSink"]

MAX_QUEUED = 2**20
"""Bytes that may wait behind a write that the socket has not taken yet; more ends the connection."""
LINGER_S = 2.0
"""After our last byte, wait this long for the peer to close its end: closing first could destroy what we sent."""

OVERFLOW = "write buffer overflow: the server does not read"

WRITE = 2


class TransportSink(Taker, Protocol):
    """What a transport hands its bytes to. Called from the hub's callback: it must not block."""

    def ended(self, reason: str) -> None:
        """The connection is over, not by our own close() or abort(). Called once at most; nothing follows it.

        `reason` is stable, so that it can be counted: one of this module's names, another of `edge.lost`'s, or
        `internal error: TypeName` if data_received raised.
        """


class _Nobody(NeverRepeated):
    """The sink of a transport that was closed: nothing is delivered after that."""

    def data_received(self, buffer: bytearray, size: int, received: float, waited: float | None) -> None:
        pass

    def ended(self, reason: str) -> None:
        pass


NOBODY = _Nobody()


class Transport(NeverRepeated):
    """One established connection.

        transport = dial.dial(Address("localhost", 8000), sink, timeout=10.0)   # blocks this greenlet; ConnectFailed
        transport.write(b"...")     # from a greenlet or from the sink; never blocks, never raises
        transport.close()           # or .abort()

    From construction on, the sink's data_received(…) gets each read and ended(reason) the end, both in the
    hub's callback. After close() or abort() the sink is not called any more. What a sink raises ends its own connection
    and is passed to its ended() as `internal error: …`: gevent would otherwise stop the watcher without a word.
    """

    __slots__ = ("_broken", "_closing", "_hub", "_most", "_queue", "_readers", "_sink", "_timer", "_tls", "_was_reset",
                 "_writer", "sock", "taker")  # fmt: skip

    def __init__(self, sock: Any, sink: TransportSink, tls: TlsLayer | None = None) -> None:
        """Take over `sock` (Python's own, connected), which is not to be used by the caller any more."""
        self._hub = get_hub()
        self.sock: Any = sock
        self.sock.settimeout(0.0)
        with suppress(OSError):  # not a kernel, or not a kind of socket, that stamps
            self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sink = sink
        self._tls = tls
        self.taker: Taker = sink if tls is None else self
        self._readers: Readers = readers_of(self._hub)
        self._queue: bytearray | None = None
        self._most = 0
        self._closing = False
        self._broken = False
        self._was_reset = False
        self._writer: Any = None
        self._timer: Any = None
        self._readers.add(self)
        if tls is not None:
            self._hub.loop.run_callback(self._left_over)

    @property
    def sink(self) -> TransportSink:
        """Who gets what is read; may be replaced."""
        return self._sink

    @sink.setter
    def sink(self, sink: TransportSink) -> None:
        self._sink = sink
        if self._tls is None:
            self.taker = sink

    @property
    def closed(self) -> bool:
        """Whether nothing can be read or written any more."""
        return self.sock is None or self._closing

    def write(self, data: bytes) -> None:
        """Send, or queue what the socket doesn't take now. On a closed or broken connection: nothing.

        A full queue ends the connection (OVERFLOW); like every end, the sink hears of it in a later callback.
        """
        if self.sock is None or self._closing:
            return
        if self._tls is not None:
            try:
                data = self._tls.encrypt(data)
            except ssl.SSLError:
                self._fail_later(TLS_ERROR)
                return
        self._send(data)

    def pause(self) -> None:
        """Stop reading until resume(); the end of the connection isn't noticed either. What was read may still come."""
        if self.sock is not None and not self._closing:
            self._readers.remove(self)

    def resume(self) -> None:
        """Read on after pause()."""
        if self.sock is not None and self not in self._readers:
            self._readers.add(self)

    def read_piece(self, size: int) -> bool:
        """While paused: take at most `size` bytes of what the kernel has, as the hub would; False: it has nothing.

        In the hub's callback only. The end of the connection is something.
        """
        readers = self._readers
        try:
            got = self.sock.recv_into(readers.buffer, size)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as exc:
            self.read_failed(lost(exc))
            return True
        try:
            if got:
                self.taker.data_received(readers.buffer, got, time.monotonic(), None)
            else:
                self.read_failed(EOF)
        except Exception as exc:  # noqa: BLE001 - the edge: whoever reads others would end with this one
            self.read_failed(report(exc))
        return True

    def close(self) -> None:
        """Send what is queued, then the end of our stream, and discard what comes until the peer closes too.

        Doesn't block. After LINGER_S the connection is cut.
        """
        if self.sock is None or self._closing:
            return
        if self._tls is not None:
            self._send(self._tls.goodbye())
        self._closing = True
        self._sink = self.taker = NOBODY
        self.resume()
        self._timer = self._hub.loop.timer(LINGER_S)
        self._timer.start(self.abort)
        if self._queue is None:
            self._shut_down()

    def abort(self) -> None:
        """Close now; what is queued is lost. No watcher or descriptor stays behind."""
        if self._tls is not None:
            self._tls.remember()
        for watcher in (self._writer, self._timer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._writer = self._timer = self._queue = self._tls = None
        self._sink = self.taker = NOBODY
        if self.sock is not None:
            self._readers.remove(self)
            sock, self.sock = self.sock, None
            sock.close()

    # -- in the hub's callbacks: nothing here may block or raise ------------------------------------------------------

    def read_failed(self, reason: str) -> None:
        """There is nothing more to read."""
        if reason == EOF and self._tls is not None and not self._closing:
            self._tls.feed(b"")
            self._decrypt(self._tls, time.monotonic(), None)
        else:
            self._end(reason)

    def data_received(self, buffer: bytearray, size: int, received: float, waited: float | None) -> None:
        """TLS only: decrypt what was read."""
        if self._tls is not None:
            self._tls.feed(memoryview(buffer)[:size])
            self._decrypt(self._tls, received, waited)

    def _left_over(self) -> None:
        """What came together with the end of the handshake."""
        try:
            if self._tls is not None and not self._closing:
                self._decrypt(self._tls, time.monotonic(), None)
        except Exception as exc:  # noqa: BLE001 - the edge: gevent would only print it
            self._end(report(exc))

    def _decrypt(self, tls: TlsLayer, received: float, waited: float | None) -> None:
        """Hand on all that can be decrypted: no more than was read in this turn."""
        buffer, view = self._readers.buffer, self._readers.view
        size, reason = READ_BYTES, None
        while size == READ_BYTES and reason is None and not self.closed:
            size, reason = tls.decrypt(view)
            if size:
                self._sink.data_received(buffer, size, received, waited)
        if self.sock is not None and (answer := tls.to_send()):
            self._send(answer)
        if reason is not None:
            self._end(reason)

    def _send(self, data: bytes) -> None:
        if self._broken:
            return
        if self._queue is not None:
            if len(self._queue) + len(data) > self._most:
                self._fail_later(OVERFLOW)
            else:
                self._queue += data
            return
        sent = self._send_now(data)
        if sent < len(data) and not self._broken:
            self._queue = bytearray(memoryview(data)[sent:])
            self._most = len(self._queue) + MAX_QUEUED
            self._writer = self._hub.loop.io(self.sock.fileno(), WRITE)
            self._writer.start(self._writable)

    def _send_now(self, data: bytes | bytearray) -> int:
        try:
            return int(self.sock.send(data))
        except (BlockingIOError, InterruptedError):
            return 0
        except (BrokenPipeError, ConnectionResetError) as exc:
            self._broken = True  # the read side will tell, after what the peer sent before it went …
            self._was_reset = isinstance(exc, ConnectionResetError)  # … but not this: the kernel says it only once
        except OSError as exc:
            self._fail_later(lost(exc))
        return 0

    def _writable(self) -> None:
        if self._queue is None:
            return
        del self._queue[: self._send_now(self._queue)]
        if not self._queue or self._broken:
            self._queue = None
            self._writer.stop()
            self._writer.close()
            self._writer = None
            if self._closing:
                self._shut_down()

    def _fail_later(self, reason: str) -> None:
        """The caller of write() is not called back before it returns."""
        self._broken = True
        self._hub.loop.run_callback(self._end, reason)

    def _end(self, reason: str) -> None:
        if self.sock is None:
            return
        sink = self._sink
        self.abort()
        try:
            sink.ended(RESET if reason == EOF and self._was_reset else reason)
        except Exception as exc:  # noqa: BLE001 - the edge: there is nobody left to tell
            report(exc)

    # -- after close() ------------------------------------------------------------------------------------------------

    def _shut_down(self) -> None:
        try:
            self.sock.shutdown(SHUT_WR)
        except OSError:
            self.abort()
