"""From a URL to an accepted upgrade: dial + handshake, and what the server sent right behind its answer."""

import time
from dataclasses import dataclass, field
from typing import Any

from gevent import get_hub
from gevent.hub import Waiter

from loadtest.errors import ConnectFailed
from loadtest.frames import Handshake, Offer, Repeat, offer
from loadtest.swarm.dial import Address, address, dial
from loadtest.swarm.readers import NeverRepeated
from loadtest.swarm.tls import Resumption
from loadtest.swarm.transport import Transport

__all__ = ["ConnectOptions", "Upgrade"]


@dataclass(frozen=True, slots=True, repr=False)
class ConnectOptions:
    """Where and how to connect."""

    url: str
    """ws://host:port/path?query or wss://…"""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with the upgrade, instead of ours of the same name."""
    subprotocols: tuple[str, ...] = ()
    compression: bool = False
    verify: bool = True
    ca_file: str | None = None
    timeout: float = 10.0
    """Seconds for DNS, TCP, TLS and the upgrade together."""
    max_message: int = 16 * 2**20
    """Bytes; a larger message ends the connection (1009)."""
    receive_buffer: int | None = None
    """Bytes, as `dial.Address` has it."""
    repeat: Repeat = field(default_factory=Repeat, compare=False)
    """What all connections with these options share."""

    @property
    def offer(self) -> Offer:
        """What is sent to upgrade; always the same object. Raises ConnectFailed."""
        return offer(
            self.url,
            headers=self.headers,
            subprotocols=self.subprotocols,
            compression=self.compression,
            max_message=self.max_message,
        )

    @property
    def address(self) -> Address:
        """Where to connect to; always the same object. Raises ConnectFailed."""
        uri = self.offer.uri
        return address(
            uri.host,
            uri.port,
            tls=uri.secure,
            verify=self.verify,
            ca_file=self.ca_file,
            receive_buffer=self.receive_buffer,
        )

    def __repr__(self) -> str:
        """Without the query and the header values, which may hold a token."""
        headers = ", ".join(name for name, _ in self.headers)
        return f"ConnectOptions({self.url.partition('?')[0]!r}, headers=[{headers}])"


class Upgrade(NeverRepeated):
    """One attempt. After `run`, the transport still feeds this object, until it gets another sink."""

    __slots__ = ("_began", "_hub", "_options", "_waiter", "connect_s", "early", "handshake", "lost", "transport")

    def __init__(self, options: ConnectOptions) -> None:
        """Raises ConnectFailed for a URL or header that cannot be sent."""
        self._began = time.monotonic()
        self._options = options
        self._hub = get_hub()
        self.handshake = Handshake(options.offer)
        self._waiter: Any = None
        self.transport: Transport
        self.connect_s = 0.0
        """Seconds for DNS, TCP, TLS and the upgrade."""
        self.early: list[tuple[bytes, float]] = []
        """What followed the answer, with the times it was read."""
        self.lost: str | None = None
        """What ended the transport since."""

    def run(self, resumption: Resumption | None) -> None:
        """Connect; blocks the calling greenlet only.

        Raises:
            ConnectFailed: its name says at which step and why.
        """
        options = self._options
        self.transport = dial(options.address, self, options.timeout, resumption)
        try:
            self.transport.write(self.handshake.request)
            self._await_answer(self._began + options.timeout - time.monotonic())
        except BaseException:  # also a greenlet that is killed
            self._waiter = None
            self.transport.abort()
            raise

    def _await_answer(self, seconds: float) -> None:
        self._waiter = waiter = Waiter(self._hub)
        timer = self._hub.loop.timer(max(0.001, seconds))
        timer.start(self._wake, ConnectFailed("connect: timeout: upgrade"), update=True)
        try:
            outcome: ConnectFailed | float = waiter.get()
        finally:
            timer.close()
        if isinstance(outcome, ConnectFailed):
            raise outcome
        self.connect_s = outcome - self._began

    # -- in the hub's callbacks: nothing here may block ---------------------------------------------------------------

    def data_received(self, buffer: bytearray, size: int, received: float, waited: float | None) -> None:  # noqa: ARG002 - a TransportSink
        """Take the answer, or a piece of it, or what follows it."""
        data = bytes(buffer[:size])
        if self._waiter is None:
            self.early.append((data, received))
            return
        try:
            rest = self.handshake.receive(data)
        except ConnectFailed as failure:
            self.transport.abort()
            self._wake(failure)
            return
        if rest is not None:
            if rest:
                self.early.append((rest, received))
            self._wake(received)

    def ended(self, reason: str) -> None:
        """The transport is gone."""
        self.lost = reason
        self._wake(ConnectFailed(f"connect: {reason}"))

    def _wake(self, outcome: ConnectFailed | float) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._hub.loop.run_callback(waiter.switch, outcome)
