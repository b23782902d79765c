"""A connection that reads slowly: a socket that is left alone, and a pace at which single messages are taken from it.

The hub's readers do not have it. Each time a message may be taken, a small piece is read, and nothing more until its
messages are taken: what the pace does not let in stays in the kernel, whose window closes, and so with the server. At
our own Close the pace is over: what is on its way is read at once, or the server's Close would stand behind it forever.
"""

import fcntl
import socket
import struct
import termios
import time
from collections import deque
from contextlib import suppress
from typing import Any, Protocol

from gevent import get_hub

from loadtest.schedule import ReadingPace
from loadtest.swarm.edge import INTERNAL, report
from loadtest.swarm.readers import readers_of
from loadtest.swarm.transport import OVERFLOW
from loadtest.swarm.upgrade import ConnectOptions, Upgrade
from loadtest.swarm.websocket import Closed, Connection, Receiver

__all__ = ["PIECE", "SlowConnection", "SlowReceiver"]

READ = 1
PIECE = 4096
"""Bytes of a read: this much, the messages that it completes and a TLS record are all that is kept on our side."""
PER_TURN = 64
"""Reads and messages before the others get their turn."""
SHORTEST_S = 0.002
"""No timer is shorter than this: what is due by then is taken together."""
ESTABLISHED = 1
"""tcpi_state in struct tcp_info (linux/tcp.h), its first byte."""


class SlowReceiver(Receiver, Protocol):
    """Whom a slow connection feeds. on_read is not called: how long bytes waited is by design."""

    def pace(self) -> ReadingPace:
        """How it reads, from now on."""


class _Held(Receiver):
    """Stands before the receiver: what was read waits here until the pace lets it through, if there still is one."""

    __slots__ = ("messages", "open", "receiver")

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.messages: deque[tuple[bytes, bool]] = deque()
        self.open = False
        """Whether everything goes through."""

    def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: FBT001 - the Receiver's signature
        if self.open:
            self.receiver.on_message(payload, text, received)
        else:
            self.messages.append((payload, text))

    def let_one_through(self) -> None:
        payload, text = self.messages.popleft()
        self.receiver.on_message(payload, text, time.monotonic())

    def on_read(self, waited: float | None) -> None:
        pass

    def on_pong(self, rtt: float) -> None:
        self.receiver.on_pong(rtt)

    def on_closed(self, end: Closed) -> None:
        self.receiver.on_closed(end)


class SlowConnection(Connection):
    """A Connection whose receiver gets each message at the moment (`received`) at which the pace lets it be taken.

    Pings are answered, and closes noticed, when what came before them has been read.
    """

    __slots__ = ("_held", "_io", "_pace", "_timer_of_pace", "closing", "starving_since")

    def __init__(self, receiver: SlowReceiver, upgrade: Upgrade, options: ConnectOptions) -> None:
        """Use `connect`."""
        self._held = _Held(receiver)
        super().__init__(self._held, upgrade, options)
        self._pace = receiver.pace()
        self._io: Any = None
        self._timer_of_pace: Any = None
        self.closing = False
        """Whether we are done with it, and read what is left as fast as it comes."""
        self.starving_since: float | None = None
        """Since when it would read and there is nothing; None: it has something, or pauses."""

    # -- what the kernel knows ----------------------------------------------------------------------------------------

    def unread(self) -> int:
        """Bytes that the kernel holds for it (Recv-Q): encrypted ones, with TLS. 0 when it is over."""
        sock, size = self._transport.sock, bytearray(4)
        if sock is not None:
            with suppress(OSError):
                fcntl.ioctl(sock.fileno(), termios.FIONREAD, size)
        return int(struct.unpack("i", size)[0])

    def gone(self) -> bool:
        """Whether the kernel knows that the server has ended it, read or not."""
        sock = self._transport.sock
        if sock is None:
            return True
        return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED)

    # -- what the owner asks for --------------------------------------------------------------------------------------

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the close handshake, and read what comes before the server's Close at full speed."""
        super().close(code, reason)
        self._speed_up()
        if self.end is None:
            if self.session.end is not None:
                self._finish(self.session.end)
            elif self.session.behind:
                readers_of(get_hub()).later(self._catch_up)
            else:
                self._transport.resume()

    def fail(self, code: int, name: str) -> None:
        """End it; what was read and not taken is discarded."""
        self._held.messages.clear()
        super().fail(code, name)

    def _speed_up(self) -> None:
        self._rest()
        self.closing = True
        held = self._held
        while held.messages and self.end is None:
            held.let_one_through()
        held.open = True

    # -- in the hub's callbacks: nothing here may block ---------------------------------------------------------------

    def _begin(self, upgrade: Upgrade) -> None:
        super()._begin(upgrade)
        if self.end is None and not self.closing:
            self._transport.pause()
            self._pump()

    def _attend(self) -> None:
        if self.closing:
            super()._attend()
            return
        self._flush()
        if self.session.end is not None and not self._held.messages:
            self._finish(self.session.end)

    def ended(self, reason: str) -> None:
        """The transport is gone: what was read is delivered before the end is."""
        try:
            if reason != OVERFLOW and not reason.startswith(INTERNAL):
                while self.session.behind:
                    self.session.go_on()
                self._speed_up()
        finally:
            super().ended(reason)

    def _finish(self, end: Closed) -> None:
        self._rest()
        super()._finish(end)

    def _pump(self) -> None:
        """Take what may be taken now, and see to it that this is called again."""
        self._rest()
        try:
            for _ in range(PER_TURN):
                if self.end is not None or self.closing or self._sleeps():
                    return
                self._step()
        except Exception as exc:  # noqa: BLE001 - the edge: gevent would only print it
            self._transport.abort()
            self.ended(report(exc))
            return
        readers_of(get_hub()).later(self._pump)

    def _sleeps(self) -> bool:
        """Whether there is nothing to do now; what will wake it is set."""
        now = time.monotonic()
        wait = self._pace.wait(now)
        if wait > 0:
            self._wake_in(wait)
            return True
        if self._held.messages or self.session.behind or self._transport.read_piece(PIECE):
            self.starving_since = None
            return False
        self.starving_since = self.starving_since or now
        self._io = get_hub().loop.io(self._transport.sock.fileno(), READ)
        self._io.start(self._pump)
        return True

    def _step(self) -> None:
        """Take one message of those that are here; if none is, make one of what was read."""
        held = self._held
        if held.messages:
            self._pace.take(time.monotonic())
            held.let_one_through()
        elif self.session.behind:
            self.session.go_on()
        if self.end is None:
            self._attend()

    def _wake_in(self, seconds: float) -> None:
        self.starving_since = None
        self._timer_of_pace = get_hub().loop.timer(max(seconds, SHORTEST_S))
        self._timer_of_pace.start(self._pump)

    def _rest(self) -> None:
        for watcher in (self._io, self._timer_of_pace):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._io = self._timer_of_pace = None
