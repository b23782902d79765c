"""One WebSocket connection: transport + frames. What its messages mean is the receiver's."""

import struct
import time
from typing import Any, Protocol

from gevent import get_hub
from gevent.event import Event

from loadtest.frames import Closed, Repeat, Session
from loadtest.swarm.edge import INTERNAL, report
from loadtest.swarm.readers import readers_of
from loadtest.swarm.tls import Resumption
from loadtest.swarm.transport import EOF, OVERFLOW
from loadtest.swarm.upgrade import ConnectOptions, Upgrade

__all__ = ["Closed", "ConnectOptions", "Connection", "Receiver"]

CLOSE_S = 5.0
"""How long the server may take to answer our Close before the connection is cut."""
MAX_PINGS = 16
"""Unanswered pings that are remembered."""


class Receiver(Protocol):
    """Who gets what a connection brings. Called from the hub's callback: must not block."""

    def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: FBT001 - a hot path
        """One message, the last of which the kernel got at `received` (time.monotonic()).

        Text is not validated: check each distinct payload once (`text.valid_utf8`), and if it is none, call
        `connection.fail(1007, name)`.
        """

    def on_read(self, waited: float | None) -> None:
        """Before the messages of a read: the seconds they waited between kernel and callback; None: unknown."""

    def on_pong(self, rtt: float) -> None:
        """The answer to a ping of ours, `rtt` seconds after it."""

    def on_closed(self, end: Closed) -> None:
        """It is over; exactly once for each connection that was established, and the last call."""


class _Nobody:
    """The receiver of a connection that is over."""

    def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: FBT001 - a Receiver
        pass

    def on_read(self, waited: float | None) -> None:
        pass

    def on_pong(self, rtt: float) -> None:
        pass

    def on_closed(self, end: Closed) -> None:
        pass


NOBODY = _Nobody()


class Connection:
    """An established connection.

    Nothing is delivered before `connect` has returned and its greenlet has waited for something, so that the caller
    can store the connection first.
    """

    __slots__ = ("_closed_event", "_pings", "_timer", "_transport", "connect_s", "end", "receiver", "repeat",
                 "session", "subprotocol")  # fmt: skip

    def __init__(self, receiver: Receiver, upgrade: Upgrade, options: ConnectOptions) -> None:
        """Use `connect`."""
        self.receiver = receiver
        self._transport = upgrade.transport
        self.session = Session(
            upgrade.handshake.opened,
            receiver.on_message,
            self._on_pong,
            options.max_message,
            compression=upgrade.handshake.compression,
            repeat=options.repeat,
        )
        self.repeat: Repeat | None = options.repeat
        """For the transport: what this connection shares with the others of its endpoint."""
        self._timer: Any = None
        self._pings: dict[bytes, float] | None = None
        self._closed_event: Event | None = None
        self.connect_s = upgrade.connect_s
        """Seconds for DNS, TCP, TLS and the upgrade."""
        self.subprotocol = upgrade.handshake.subprotocol
        """What the server chose of those offered."""
        self.end: Closed | None = None
        """How it ended; None: it has not."""

    @classmethod
    def connect(cls, options: ConnectOptions, receiver: Receiver, resumption: Resumption | None = None) -> "Connection":
        """Connect and upgrade; blocks the calling greenlet only. `resumption` is the caller's, for all its connections.

        Raises:
            ConnectFailed: its name says at which step and why.
        """
        upgrade = Upgrade(options)
        upgrade.run(resumption)
        connection = cls(receiver, upgrade, options)
        get_hub().loop.run_callback(connection._begin, upgrade)
        return connection

    # -- what the owner asks for; nothing here blocks but wait_closed -------------------------------------------------

    def send(self, message: str | bytes) -> bool:
        """Send one message, str as text; False: not sent, the connection is closing or over."""
        accepted = self.session.send(message)
        self._flush()
        return accepted

    def ping(self) -> None:
        """Ask for a pong; the receiver's on_pong gets the round trip time."""
        now = time.monotonic()
        payload = struct.pack("!d", now)
        if self.session.ping(payload):
            pings = self._pings = self._pings or {}
            if len(pings) == MAX_PINGS:
                del pings[next(iter(pings))]
            pings[payload] = now
            self._flush()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the close handshake; what the server sends before its Close still counts.

        Raises:
            ValueError: not a code that may be sent, or a reason of more than 123 bytes.
        """
        if self.session.close(code, reason):
            self._flush()
            self._timer = get_hub().loop.timer(CLOSE_S)
            self._timer.start(self.abort)

    def fail(self, code: int, name: str) -> None:
        """End it, because of what the server sent, with this close code; `name` is what the end will be called."""
        if self.end is None:
            self.session.fail(code, name)
            self._attend()

    def abort(self) -> None:
        """Cut it, without a Close or without waiting for the server's any longer."""
        self._transport.abort()
        if self.end is None:
            code = self.session.close_code
            self._finish(Closed("us", code, "aborted by us" if code is None else "close: no answer"))

    def wait_closed(self, timeout: float) -> Closed | None:
        """Block the calling greenlet until it is over, for `timeout` seconds at most."""
        if self.end is None:
            self._closed_event = self._closed_event or Event()
            self._closed_event.wait(timeout)
        return self.end

    # -- in the hub's callbacks: nothing here may block ---------------------------------------------------------------

    def data_received(self, buffer: bytearray, size: int, received: float, waited: float | None) -> None:
        """Take what was read."""
        self.receiver.on_read(waited)
        if self.session.receive(buffer, size, received):
            self._attend()

    def repeated(self, received: float, waited: float | None) -> None:
        """Take what others have got before."""
        self.receiver.on_read(waited)
        if self.session.repeated(received):
            self._attend()

    def _begin(self, upgrade: Upgrade) -> None:
        """The owner knows the connection now; what came since the upgrade is delivered first."""
        if self.end is not None:
            return
        self._transport.sink = self
        try:
            for data, received in upgrade.early:
                if self.session.receive(data, len(data), received):
                    self._attend()
        except Exception as exc:  # noqa: BLE001 - the edge: gevent would only print it
            self._transport.abort()
            self.ended(report(exc))
        if upgrade.lost is not None:
            self.ended(upgrade.lost)
        if not self.session.behind:
            self._transport.resume()

    def _catch_up(self) -> None:
        """Take what one turn was too short for, in one turn after the other; the socket is not read until then."""
        if self.end is not None:
            return
        try:
            if self.session.go_on():
                self._attend()
            if not self.session.behind:
                self._transport.resume()
        except Exception as exc:  # noqa: BLE001 - the edge: the others go on
            self._transport.abort()
            self.ended(report(exc))

    def ended(self, reason: str) -> None:
        """The transport is gone."""
        if reason == OVERFLOW or reason.startswith(INTERNAL):
            self._finish(Closed("us", None, reason))
        else:
            while self.session.behind:  # it came before the end
                self.session.go_on()
            self._finish(self.session.lost(reason, eof=reason == EOF))

    def _on_pong(self, payload: bytes, received: float) -> None:
        """A pong answers all pings up to the one it repeats (RFC 6455, 5.5.3); one that repeats none, nothing."""
        pings = self._pings or {}
        sent = pings.get(payload)
        if sent is not None:
            self._pings = {other: at for other, at in pings.items() if at > sent}
            self.receiver.on_pong(received - sent)

    def _flush(self) -> None:
        if outgoing := self.session.take():
            self._transport.write(outgoing)

    def _attend(self) -> None:
        self._flush()
        if self.session.end is not None:
            self._finish(self.session.end)
        elif self.session.behind:
            self._transport.pause()
            readers_of(get_hub()).later(self._catch_up)

    def _finish(self, end: Closed) -> None:
        if self.end is not None:
            return
        self.end = end
        self.session.finish(end)
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        self._transport.close()
        if self._closed_event is not None:
            self._closed_event.set()
        try:
            self.receiver.on_closed(end)
        except Exception as exc:  # noqa: BLE001 - the edge: there is nobody left to tell
            report(exc)
        self.receiver = NOBODY  # who is in no cycle needs no garbage collector, which stops everything for its work
        self.session.let_go()
