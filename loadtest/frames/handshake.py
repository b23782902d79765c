"""The upgrade from HTTP to WebSocket (RFC 6455, 4): the request's bytes out, the answer's bytes in.

A 101 is judged by the offer or by the websockets library; what else an answer can be is told apart here, early and
under stable names.
"""

import re
from collections.abc import Callable

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHeader, InvalidUpgrade, NegotiationError, SecurityError

from loadtest.errors import ConnectFailed
from loadtest.frames.offer import Offer, is_plainly_accepted, new_key

__all__ = ["Handshake"]

MAX_HEAD = 32 * 1024
"""Bytes of an answer's status line and headers, interim answers included. The library allows 128 headers of 8 KiB."""
REDIRECTS = {301, 302, 303, 307, 308}
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
BEGINNING = b"HTTP/1."
SWITCHING_PROTOCOLS = 101

NOT_A_WEBSOCKET = "connect: not a WebSocket answer"
TOO_LARGE = "connect: header too large"
BY_HEADER = {
    "sec-websocket-accept": "connect: wrong Sec-WebSocket-Accept",
    "sec-websocket-extensions": "connect: extension not offered",
    "sec-websocket-protocol": "connect: subprotocol not offered",
}


class Handshake:
    """One upgrade: send `request`, pass what comes to `receive` until that returns something."""

    __slots__ = ("_head", "_interim", "_key", "_offer", "_protocol", "request")

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._key = new_key()
        self._protocol: ClientProtocol | None = None  # once it was needed
        self._head = bytearray()
        self._interim = 0
        self.request = offer.request(self._key)

    @property
    def compression(self) -> bool:
        """Whether permessage-deflate was agreed on."""
        return self._protocol is not None and bool(self._protocol.extensions)

    @property
    def subprotocol(self) -> str | None:
        """What the server chose of those offered."""
        return None if self._protocol is None else self._protocol.subprotocol

    @property
    def opened(self) -> Callable[[], ClientProtocol]:
        """What returns the library's object in the state after the accepted upgrade."""
        protocol = self._protocol
        return self._offer.opened if protocol is None else lambda: protocol

    def receive(self, data: bytes | memoryview) -> bytes | None:
        """Take what was read; once the upgrade is accepted, return the bytes that followed it. None: more is needed.

        Raises:
            ConnectFailed: the server refused, redirected, or broke the rules. Redirects are never followed.
        """
        head = self._head
        searched = max(0, len(head) - 3)
        head += data
        while (end := head.find(b"\r\n\r\n", searched)) >= 0:
            end += 4
            if self._interim + end > MAX_HEAD:
                raise ConnectFailed(TOO_LARGE)
            if self._status(head) == SWITCHING_PROTOCOLS:
                self._judge(bytes(head[:end]))
                return bytes(head[end:])
            self._interim += end  # 100, 102, 103: the answer is still to come (RFC 9110, 15.2)
            del head[:end]
            searched = 0
        if not head.startswith(BEGINNING[: len(head)]):
            raise ConnectFailed(NOT_A_WEBSOCKET)
        if self._interim + len(head) > MAX_HEAD:
            raise ConnectFailed(TOO_LARGE)
        return None

    @staticmethod
    def _status(head: bytearray) -> int:
        match = STATUS_LINE.match(head)
        if match is None:
            raise ConnectFailed(NOT_A_WEBSOCKET)
        status = int(match[1])
        if status in REDIRECTS:
            raise ConnectFailed("connect: redirect", status=status)
        if status >= 200:  # noqa: PLR2004 - anything but interim answers
            raise ConnectFailed(f"connect: HTTP {status}", status=status)
        return status

    def _judge(self, head: bytes) -> None:
        if is_plainly_accepted(head, self._key):
            return
        self._protocol = protocol = self._offer.connecting(self._key)
        try:
            protocol.receive_data(head)
        except Exception:  # noqa: BLE001 - the library meets whatever a server thinks up
            raise ConnectFailed(NOT_A_WEBSOCKET) from None
        protocol.events_received()
        if protocol.handshake_exc is not None:
            raise ConnectFailed(_name(protocol.handshake_exc))


def _name(exc: Exception) -> str:
    if isinstance(exc, SecurityError) or isinstance(exc.__cause__, SecurityError):
        return TOO_LARGE
    if isinstance(exc, InvalidHeader) and not isinstance(exc, InvalidUpgrade):
        return BY_HEADER.get(exc.name.lower(), NOT_A_WEBSOCKET)
    if isinstance(exc, NegotiationError):
        return BY_HEADER["sec-websocket-protocol" if "subprotocol" in str(exc) else "sec-websocket-extensions"]
    return NOT_A_WEBSOCKET
