"""What all upgrades to one URL have in common: the request but for its key, and what answer accepts it (RFC 6455, 4).

The websockets library writes the request, once; an answer that holds nothing unusual is judged here, every other by the
library.
"""

import logging
import re
from base64 import b64encode
from functools import lru_cache
from hashlib import sha1
from secrets import token_bytes

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHeader, InvalidURI
from websockets.extensions.permessage_deflate import enable_client_permessage_deflate
from websockets.protocol import OPEN
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from loadtest.errors import ConnectFailed

__all__ = ["Offer", "is_plainly_accepted", "new_key", "offer"]

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
UNUSUAL = (b"sec-websocket-extensions", b"sec-websocket-protocol", b"transfer-encoding", b"content-length")
STATUS_LINE = re.compile(rb"HTTP/1\.1 101(?: [\x20-\x7e]*)?")
HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\x7e](?:[ \t\x21-\x7e]*[\x21-\x7e])?)[ \t]*")
MAX_HEADERS, MAX_HEAD = 64, 4096
"""More is unusual: the library has limits of its own."""

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


class Offer:
    """One kind of upgrade; use `offer`."""

    def __init__(
        self,
        url: str,
        headers: tuple[tuple[str, str], ...],
        subprotocols: tuple[str, ...],
        *,
        compression: bool,
        max_message: int,
    ) -> None:
        self.uri = parse_url(url)
        self._subprotocols = [Subprotocol(name) for name in subprotocols] or None
        self._compression = compression
        self._max_message = max_message
        protocol = self._protocol()
        self._before, found, self._after = self._write(protocol, headers).partition(protocol.key.encode())
        self._own_key = not found  # the caller's headers have one: the library judges what it makes of that

    def _protocol(self) -> ClientProtocol:
        return ClientProtocol(
            self.uri,
            extensions=enable_client_permessage_deflate(None) if self._compression else None,
            subprotocols=self._subprotocols,
            max_size=self._max_message,
            logger=log,
        )

    @staticmethod
    def _write(protocol: ClientProtocol, headers: tuple[tuple[str, str], ...]) -> bytes:
        request = protocol.connect()
        request.headers["User-Agent"] = "loadtest"
        try:
            for name in {name for name, _ in headers if name in request.headers}:
                del request.headers[name]
            for name, value in headers:
                request.headers[name] = value
            protocol.send_request(request)
        except (InvalidHeader, ValueError):
            raise ConnectFailed("connect: bad header", ours=True) from None
        return b"".join(protocol.data_to_send())

    def request(self, key: bytes) -> bytes:
        """The upgrade's request with this Sec-WebSocket-Key."""
        return self._before if self._own_key else self._before + key + self._after

    def connecting(self, key: bytes) -> ClientProtocol:
        """The library's object after the request with this key was sent."""
        protocol = self._protocol()
        protocol.key = key.decode()
        return protocol

    def opened(self) -> ClientProtocol:
        """The library's object after an upgrade without extension and subprotocol."""
        return ClientProtocol(self.uri, state=OPEN, max_size=self._max_message, logger=log)


@lru_cache(maxsize=64)
def offer(
    url: str,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    subprotocols: tuple[str, ...] = (),
    compression: bool = False,
    max_message: int = 2**24,
) -> Offer:
    """`headers` are sent too, instead of ours of the same name; `max_message` is in bytes.

    Raises:
        ConnectFailed: the URL is none, or a header cannot be sent.
    """
    return Offer(url, headers, subprotocols, compression=compression, max_message=max_message)


def new_key() -> bytes:
    """A Sec-WebSocket-Key: 16 random bytes, as text."""
    return b64encode(token_bytes(16))


def is_plainly_accepted(head: bytes, key: bytes) -> bool:
    """Whether this is beyond doubt the answer that accepts the upgrade, with no extension and no subprotocol.

    False says nothing: the library is to judge.
    """
    if len(head) > MAX_HEAD:
        return False
    status, *lines = head[:-4].split(b"\r\n")
    if not STATUS_LINE.fullmatch(status) or len(lines) > MAX_HEADERS:
        return False
    found: dict[bytes, bytes] = {}
    for line in lines:
        match = HEADER.fullmatch(line)
        if match is None:
            return False
        name = match[1].lower()
        if name in UNUSUAL or name in found:
            return False
        found[name] = match[2]
    return (
        found.get(b"upgrade", b"").lower() == b"websocket"
        and found.get(b"connection", b"").lower() == b"upgrade"
        and found.get(b"sec-websocket-accept") == b64encode(sha1(key + GUID).digest())  # noqa: S324 - RFC 6455, 4.2.2
    )
