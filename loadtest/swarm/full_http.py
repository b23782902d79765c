"""HTTP with redirects, cookies and uploads (`client: full`): FastHttpUser's user agent in the shape of HttpConnection.

It costs several times the CPU of `http.py`; what is asked and why is the caller's.
"""

import errno
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar
from typing import Any

from locust.contrib.fasthttp import LocustUserAgent

import gevent
import gevent.socket
from geventhttpclient.header import Headers
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from geventhttpclient.useragent import CompatResponse, RetriesExceeded
from geventhttpclient.useragent import ConnectionError as UserAgentError

from loadtest.errors import ProtocolViolation
from loadtest.http1 import MAX_BODY, Response, decode
from loadtest.swarm.dial import OURS, THEIRS
from loadtest.swarm.edge import lost
from loadtest.swarm.http import Answer, RequestFailed
from loadtest.swarm.tls import client_context

__all__ = ["FullConnection", "FullRequest"]

MAX_REDIRECTS = 30
_CHUNK = 64 * 2**10


@dataclass(frozen=True, slots=True)
class FullRequest:
    """One distinct request. Its `repr` shows neither headers nor query nor body, where tokens are."""

    method: str
    target: str = field(repr=False)
    """Path and query; percent-encoded where it must be when it is sent."""
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes | Mapping[str, str] = field(repr=False, default=b"")
    """As it is sent; beside files, the other fields of their form."""
    files: Mapping[str, tuple[str, bytes, str]] = field(repr=False, default_factory=dict)
    """Form field -> (file name, content, media type), sent as multipart/form-data (RFC 7578)."""


class _Agent(LocustUserAgent):
    """Raises what happened as it happened; which status is a failure is not for it to say."""

    def _verify_status(self, status_code: int, url: Any = None) -> None:
        """Every status is an answer."""

    def _handle_error(self, e: BaseException, url: Any = None) -> BaseException:  # noqa: ARG002 - the hook's signature
        raise e


class FullConnection:
    """A user's connections to a target and to where that redirects it, with the user's cookies.

    Redirects are followed, cookies kept (`cookies` may be shared). Times are taken in the calling greenlet, which is
    woken for each read: they are later than HttpConnection's by what else the loop had to do.
    """

    __slots__ = ("_agent", "_base", "_timeout")

    def __init__(
        self,
        target: str,
        *,
        verify: bool = True,
        ca_file: str | None = None,
        timeout: float = 10.0,
        cookies: CookieJar | None = None,
    ) -> None:
        """`target` is http(s)://host[:port]; `timeout` is for a whole request, redirects included, in seconds."""
        self._base = target
        self._timeout = timeout
        self._agent = _Agent(
            max_redirects=MAX_REDIRECTS,
            max_retries=0,
            cookiejar=CookieJar() if cookies is None else cookies,
            insecure=not verify,
            ssl_context_factory=partial(client_context, verify, ca_file),
            connection_timeout=timeout,
            network_timeout=timeout,
        )

    def request(self, request: FullRequest, timeout: float | None = None) -> Answer:
        """Send, follow redirects, and wait for the whole answer.

        Raises:
            RequestFailed: there is none, or not a well-formed one.
        """
        sent = time.monotonic()
        limit = gevent.Timeout(self._timeout if timeout is None else timeout)
        try:
            with limit:
                response = self._exchange(request)
        except gevent.Timeout as rang:
            self.close()
            if rang is not limit:
                raise
            failure = RequestFailed("request: timeout")
        except (OSError, UserAgentError, HTTPParseError, ProtocolViolation, ValueError) as problem:
            self.close()
            failure = _named(problem)
        else:
            return Answer(response, sent, time.monotonic(), None, 0)
        failure.sent, failure.done = sent, time.monotonic()
        raise failure from None

    def _exchange(self, request: FullRequest) -> Response:
        answer: CompatResponse = self._agent.urlopen(
            self._base + request.target,
            method=request.method,
            headers=Headers(request.headers),
            payload=dict(request.body) if isinstance(request.body, Mapping) else request.body or None,
            files=request.files or None,
        )
        parts: list[bytes] = []
        size = 0
        while part := bytes(answer.read(_CHUNK)):
            parts.append(part)
            size += len(part)
            if size > MAX_BODY:
                raise ProtocolViolation("response: body too large")
        answer.release()
        codings = tuple(
            coding for value in answer.headers.getlist("content-encoding") for coding in value.lower().split(", ")
        )
        body = decode(b"".join(parts), tuple(c for c in codings if c != "identity"), MAX_BODY) if parts else b""
        headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items())
        return Response(answer.status_code, headers, body, keep_alive=True)

    def close(self) -> None:
        """Close every connection; another request would open new ones. Cookies stay."""
        self._agent.close()


_NAMES: tuple[tuple[type[Exception], str], ...] = (
    (RetriesExceeded, "response: too many redirects"),
    (UserAgentError, "response: bad redirect"),
    (HTTPConnectionClosed, "request: closed by the server"),
    (HTTPParseError, "response: malformed"),
    (TimeoutError, "request: timeout"),
    (ValueError, "response: bad redirect"),
)
_UNREACHABLE: tuple[tuple[type[Exception], str], ...] = (
    (gevent.socket.gaierror, "connect: DNS"),
    (ssl.SSLCertVerificationError, "connect: TLS: certificate"),
    (ssl.SSLError, "connect: TLS: handshake"),
    (ConnectionRefusedError, THEIRS[errno.ECONNREFUSED]),
)
_NO_ROUTE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH})


def _named(problem: Exception) -> RequestFailed:
    """The same names as HttpConnection's, as far as the user agent lets one tell."""
    if isinstance(problem, ProtocolViolation):
        return RequestFailed(problem.name)
    for kind, name in _UNREACHABLE:
        if isinstance(problem, kind):
            return RequestFailed(name, unreachable=True)
    for kind, name in _NAMES:
        if isinstance(problem, kind):
            return RequestFailed(name)
    code = getattr(problem, "errno", None) or 0
    if code in OURS:
        return RequestFailed(OURS[code], ours=True)
    if code in _NO_ROUTE:
        return RequestFailed(THEIRS[code], unreachable=True)
    return RequestFailed(f"request: {lost(problem) if isinstance(problem, OSError) else 'failed'}")
