"""From a URL to an accepted upgrade: dial + handshake, and what the server sent right behind its answer."""

import time
from dataclasses import dataclass
from typing import Any

import gevent
from gevent import get_hub
from gevent.hub import Waiter

from loadtest.errors import ConnectFailed
from loadtest.frames import Handshake, parse_url
from loadtest.swarm.dial import Address, dial
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

    def __repr__(self) -> str:
        """Without the query and the header values, which may hold a token."""
        headers = ", ".join(name for name, _ in self.headers)
        return f"ConnectOptions({self.url.partition('?')[0]!r}, headers=[{headers}])"


class Upgrade:
    """One attempt. After `run`, the transport is paused and still feeds this object, until it gets another sink."""

    def __init__(self, options: ConnectOptions) -> None:
        """Raises ConnectFailed for a URL or header that cannot be sent."""
        self._began = time.monotonic()
        self._options = options
        self._uri = parse_url(options.url)
        self.handshake = Handshake(
            self._uri,
            headers=options.headers,
            subprotocols=options.subprotocols,
            compression=options.compression,
            max_message=options.max_message,
        )
        self._waiter: Any = None
        self.transport: Transport
        self.connect_s = 0.0
        """Seconds for DNS, TCP, TLS and the upgrade."""
        self.early: list[tuple[bytes, float]] = []
        """What followed the answer, with the times it was read."""
        self.lost: str | None = None
        """What ended the transport since."""

    def run(self) -> None:
        """Connect; blocks the calling greenlet only.

        Raises:
            ConnectFailed: its name says at which step and why.
        """
        uri, options = self._uri, self._options
        address = Address(uri.host, uri.port, tls=uri.secure, verify=options.verify, ca_file=options.ca_file)
        self.transport = dial(address, self, options.timeout)
        try:
            self.transport.write(self.handshake.request)
            self._await_answer(self._began + options.timeout - time.monotonic())
        except BaseException:  # also a greenlet that is killed
            self._waiter = None
            self.transport.abort()
            raise

    def _await_answer(self, seconds: float) -> None:
        self._waiter = waiter = Waiter(get_hub())
        with gevent.Timeout(max(0.001, seconds), ConnectFailed("connect: timeout: upgrade")):
            outcome: ConnectFailed | float = waiter.get()
        if isinstance(outcome, ConnectFailed):
            raise outcome
        self.connect_s = outcome - self._began

    # -- in the hub's callbacks: nothing here may block ---------------------------------------------------------------

    def data_received(self, data: memoryview) -> None:
        """Take the answer, or a piece of it, or what follows it."""
        received = time.monotonic()
        if self._waiter is None:
            self.early.append((bytes(data), received))
            return
        try:
            rest = self.handshake.receive(data)
        except ConnectFailed as failure:
            self.transport.abort()
            self._wake(failure)
            return
        if rest is not None:
            self.transport.pause()
            self.early.append((rest, received))
            self._wake(received)

    def ended(self, reason: str) -> None:
        """The transport is gone."""
        self.lost = reason
        if self._waiter is not None:
            self._wake(ConnectFailed(f"connect: {reason}"))

    def _wake(self, outcome: ConnectFailed | float) -> None:
        waiter, self._waiter = self._waiter, None
        get_hub().loop.run_callback(waiter.switch, outcome)
