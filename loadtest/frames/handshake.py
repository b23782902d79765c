"""The upgrade from HTTP to WebSocket (RFC 6455, 4): the request's bytes out, the answer's bytes in.

The websockets library builds the request and judges a 101; what else an answer can be is told apart here, early and
under stable names.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHeader, InvalidUpgrade, InvalidURI, NegotiationError, SecurityError
from websockets.extensions.permessage_deflate import enable_client_permessage_deflate
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from loadtest.errors import ConnectFailed

__all__ = ["Handshake", "parse_url"]

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

log = logging.getLogger(__name__)
log.setLevel(logging.CRITICAL)  # at DEBUG the library would log the request, and with it tokens


@lru_cache(maxsize=64)
def parse_url(url: str) -> WebSocketURI:
    """A ws:// or wss:// URL in its parts.

    Raises:
        ConnectFailed: it is none, or holds credentials. The error does not repeat it: a query may hold a token.
    """
    try:
        uri = parse_uri(url)
    except (InvalidURI, ValueError):  # ValueError: a port that is no number, a broken IPv6 address
        uri = None
    if uri is None or uri.username is not None:
        raise ConnectFailed("connect: bad URL", ours=True)
    return uri


class Handshake:
    """One upgrade: send `request`, pass what comes to `receive` until that returns something."""

    def __init__(
        self,
        uri: WebSocketURI,
        *,
        headers: Iterable[tuple[str, str]] = (),
        subprotocols: Sequence[str] = (),
        compression: bool = False,
        max_message: int = 2**24,
    ) -> None:
        """`headers` are sent too, instead of ours of the same name; `max_message` is in bytes.

        Raises:
            ConnectFailed: a header cannot be sent.
        """
        self.protocol = ClientProtocol(
            uri,
            extensions=enable_client_permessage_deflate(None) if compression else None,
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            max_size=max_message,
            logger=log,
        )
        self._head = bytearray()
        self._interim = 0
        self.request = self._request(headers)

    def _request(self, headers: Iterable[tuple[str, str]]) -> bytes:
        request = self.protocol.connect()
        request.headers["User-Agent"] = "loadtest"
        try:
            for name in {name for name, _ in headers if name in request.headers}:
                del request.headers[name]
            for name, value in headers:
                request.headers[name] = value
            self.protocol.send_request(request)
        except (InvalidHeader, ValueError):
            raise ConnectFailed("connect: bad header", ours=True) from None
        return b"".join(self.protocol.data_to_send())

    @property
    def subprotocol(self) -> str | None:
        """What the server chose of those offered."""
        return self.protocol.subprotocol

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
        try:
            self.protocol.receive_data(head)
        except Exception:  # noqa: BLE001 - the library meets whatever a server thinks up
            raise ConnectFailed(NOT_A_WEBSOCKET) from None
        self.protocol.events_received()
        if self.protocol.handshake_exc is not None:
            raise ConnectFailed(_name(self.protocol.handshake_exc))


def _name(exc: Exception) -> str:
    if isinstance(exc, SecurityError) or isinstance(exc.__cause__, SecurityError):
        return TOO_LARGE
    if isinstance(exc, InvalidHeader) and not isinstance(exc, InvalidUpgrade):
        return BY_HEADER.get(exc.name.lower(), NOT_A_WEBSOCKET)
    if isinstance(exc, NegotiationError):
        return BY_HEADER["sec-websocket-protocol" if "subprotocol" in str(exc) else "sec-websocket-extensions"]
    return NOT_A_WEBSOCKET
