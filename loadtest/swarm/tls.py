"""TLS over memory buffers: bytes of the wire on one side, plain ones on the other. Sockets are the caller's."""

import ssl
from contextlib import suppress
from functools import lru_cache

import gevent.ssl

__all__ = ["CLOSED", "TLS_ERROR", "Resumption", "TlsLayer", "client_context"]

CLOSED = "connection closed"
TLS_ERROR = "TLS error"


@lru_cache(maxsize=16)
def client_context(verify: bool, ca_file: str | None) -> ssl.SSLContext:  # noqa: FBT001 - a cache key
    """TLS 1.2 or later; one for all connections: loading the trusted certificates takes longer than a handshake.

    Raises:
        OSError (SSLError included): `ca_file` cannot be read, or holds no certificate.
    """
    context: ssl.SSLContext = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # its setters survive monkey-patching
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # so that a write never has to wait for a read
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca_file)
    return context


class Resumption:
    """What one client keeps of a TLS session for its next connection to the same server (RFC 8446, 2.2).

    It is one client's and not the target's: a first connection pays the whole handshake, as a person's would.
    """

    __slots__ = ("session",)

    def __init__(self) -> None:
        self.session: ssl.SSLSession | None = None


class TlsLayer:
    """The client's side of one TLS session, with SNI and, if the context says so, verification of the host's name."""

    __slots__ = ("_incoming", "_outgoing", "_resumption", "_session")

    def __init__(self, context: ssl.SSLContext, host: str, resumption: Resumption | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._resumption = resumption
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host.rstrip("."))
        if resumption is not None and resumption.session is not None:
            with suppress(ValueError):  # another context's: the cache of contexts has let go of it
                self._session.session = resumption.session

    def shake_hands(self) -> bool:
        """Go on with the handshake; True when it is complete. Either way there may be something `to_send`.

        Raises:
            ssl.SSLError: it failed; what is to be sent tells the server why.
        """
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def feed(self, data: bytes | memoryview) -> None:
        """Take what was read; nothing means the end of the stream."""
        if len(data):
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def decrypt(self, into: memoryview) -> tuple[int, str | None]:
        """Fill `into` as far as possible: how many bytes, and CLOSED or TLS_ERROR if nothing can follow them."""
        size = 0
        try:
            while size < len(into):
                got = int(self._session.read(len(into) - size, into[size:]))
                if not got:
                    return size, CLOSED
                size += got
        except ssl.SSLWantReadError:
            return size, None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):  # many servers send no close_notify; HTTP and WebSocket …
            return size, CLOSED  # … have framing of their own
        except ssl.SSLError:
            return size, TLS_ERROR
        return size, None

    def encrypt(self, data: bytes) -> bytes:
        """What to send for `data`.

        Raises:
            ssl.SSLError: the session is broken.
        """
        self._session.write(data)
        return self._outgoing.read()

    def to_send(self) -> bytes:
        """Handshake messages, key updates and alerts that wait to be sent."""
        return self._outgoing.read()

    def remember(self) -> None:
        """Keep the session for the next connection. Late: TLS 1.3 sends its tickets after the handshake."""
        if self._resumption is not None:
            self._resumption.session = self._session.session or self._resumption.session

    def goodbye(self) -> bytes:
        """Our close_notify (RFC 8446, 6.1); the peer's need not be waited for."""
        with suppress(ssl.SSLError):
            self._session.unwrap()
        return self._outgoing.read()
