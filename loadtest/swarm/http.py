"""An HTTP/1.1 connection for one greenlet at a time: transport + http1. What is asked and why is the caller's."""

import math
import time
from typing import Any
from urllib.parse import urlsplit

from gevent import get_hub
from gevent.hub import Waiter

from loadtest.errors import ConnectFailed, ProtocolViolation
from loadtest.http1 import Request, Response, ResponseParser
from loadtest.swarm.dial import Address, dial
from loadtest.swarm.http_answer import UNANSWERED, Answer, RequestFailed
from loadtest.swarm.outbound import outbound_of
from loadtest.swarm.readers import NeverRepeated
from loadtest.swarm.tls import Resumption
from loadtest.swarm.transport import EOF, RESET, Transport

__all__ = ["UNANSWERED", "Answer", "HttpConnection", "RequestFailed"]


class _Lost(Exception):
    """The connection ended before the first byte of the answer."""


class HttpConnection(NeverRepeated):
    """Connects when first asked, is kept alive, and connects again when the server has closed it in between.

    An idempotent request is sent once more if a kept connection turns out to be closed before the first byte of the
    answer (RFC 9110, 9.2.2; RFC 9112, 9.3.1). Redirects are answers like any other; cookies are not kept.
    """

    __slots__ = (
        "_address", "_busy", "_cancelled", "_connect_timeout", "_deadline", "_done", "_hub", "_outbound", "_parser",
        "_resumption", "_rings_at", "_sent", "_timeout", "_timer", "_transport", "_waited", "_waiter", "unsolicited",
    )  # fmt: skip

    def __init__(
        self,
        target: str,
        *,
        verify: bool = True,
        ca_file: str | None = None,
        timeout: float = 10.0,
        connect_timeout: float | None = None,
    ) -> None:
        """`target` is http(s)://host[:port]; `timeout` is for a whole request, connecting included, in seconds."""
        parts = urlsplit(target)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("a target looks like http://host:port")
        tls = parts.scheme == "https"
        self._address = Address(parts.hostname, parts.port or (443 if tls else 80), tls, verify, ca_file)
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._hub = get_hub()
        self._timer: Any = None
        self._rings_at = math.inf
        self._busy = False
        self._cancelled = False
        self._resumption = Resumption()
        self._transport: Transport | None = None
        self._parser = ResponseParser()
        self._waiter: Waiter | None = None
        self._deadline = 0.0
        self._outbound = outbound_of(self._hub)
        self._sent = self._done = 0.0
        self._waited: float | None = None
        self.unsolicited = 0
        """Times the server sent something nobody had asked for, and was closed for it."""

    @property
    def connected(self) -> bool:
        """A connection is open (as far as known)."""
        return self._transport is not None

    def request(self, request: Request, timeout: float | None = None) -> Answer:
        """Send, and wait for the whole answer; blocks the calling greenlet only, and wakes it once.

        Raises RequestFailed. Whatever ends the wait early (a kill, a gevent.Timeout) closes the connection.
        """
        if self._busy:
            raise RuntimeError("a connection carries one request at a time")
        self._busy = True
        self._cancelled = False
        self._sent = asked = time.monotonic()
        self._deadline = asked + (self._timeout if timeout is None else timeout)
        connect_s: float | None = None
        retries = 0
        try:
            while True:
                transport, kept = self._transport, True
                if transport is None:
                    kept = False
                    transport, connect_s = self._connect(connect_s or 0.0)
                try:
                    response = self._exchange(transport, request)
                except _Lost as lost:
                    if not (kept and request.idempotent) or retries:
                        raise RequestFailed(str(lost)) from None
                    retries += 1
                else:
                    sent = self._sent
                    done = max(self._done, sent)  # two clocks were compared: what came at once may seem too early
                    return Answer(response, sent, done, connect_s, retries, self._waited)
        except RequestFailed as failure:
            failure.sent, failure.connect_s, failure.retries = self._sent, connect_s, retries
            failure.done = self._done if self._done > self._sent else time.monotonic()
            raise
        finally:
            self._busy = False

    def close(self) -> None:
        """Close the connection; another request would open a new one. A request in flight fails."""
        self._cancelled = True
        self._fail(RequestFailed("request: closed by us"))

    # -- in the calling greenlet --------------------------------------------------------------------------------------

    def _connect(self, spent: float) -> tuple[Transport, float]:
        began = time.monotonic()
        left = self._deadline - began
        if self._connect_timeout is not None:
            left = min(left, self._connect_timeout)
        try:
            transport = dial(self._address, self, left, self._resumption)
        except ConnectFailed as failure:
            raise RequestFailed(failure.name, unreachable=not failure.ours, ours=failure.ours) from failure
        if self._cancelled:  # closed while connecting
            transport.abort()
            raise RequestFailed("request: closed by us")
        self._transport = transport
        return transport, spent + time.monotonic() - began

    def _exchange(self, transport: Transport, request: Request) -> Response:
        self._waiter = waiter = Waiter(self._hub)
        self._parser.expect(request.method)
        if self._rings_at > self._deadline:
            self._set_timer()
        try:
            self._outbound.put(transport.write, request.data, self._leaves)
            end: Response | Exception = waiter.get()
        except BaseException:  # killed, or timed out from outside: what comes now belongs to nobody
            self._drop()
            raise
        finally:
            self._waiter = None
        if isinstance(end, Exception):
            raise end
        return end

    # -- in the hub's callbacks: nothing here may block ---------------------------------------------------------------

    def _leaves(self, now: float) -> None:
        """The request is written now."""
        self._sent = now

    def data_received(self, buffer: bytearray, size: int, received: float, waited: float | None) -> None:
        """Take what was read."""
        try:
            response = self._parser.feed(bytes(memoryview(buffer)[:size]))
        except ProtocolViolation as violation:
            if self._waiter is None:
                self.unsolicited += 1
            self._fail(RequestFailed(violation.name))
            return
        if response is not None:
            self._finish(response, received, waited)
            if not response.keep_alive or self._is_writing():
                self._drop()

    def ended(self, reason: str) -> None:
        """The connection is over; while nothing is asked, the next request just opens another."""
        try:
            response = self._parser.eof() if reason == EOF else None
        except ProtocolViolation as violation:
            self._fail(RequestFailed(violation.name))
            return
        if response is not None:
            self._fail(response)
        elif reason in (EOF, RESET) and not self._parser.started:
            self._fail(_Lost(f"request: {reason}"))
        else:
            self._fail(RequestFailed(f"request: {reason}"))

    def _is_writing(self) -> bool:
        """The answer came before the request was out: the server would not read the rest of it as it is meant."""
        return self._transport is not None and self._transport._queue is not None  # noqa: SLF001 - nothing public says so

    def _ring(self) -> None:
        """The timer stays set over many requests: setting it for each would cost more than the odd ring for nothing."""
        self._rings_at = math.inf
        if self._waiter is None:
            return
        if time.monotonic() < self._deadline:
            self._set_timer()
        else:
            self._fail(RequestFailed("request: timeout"))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.close()
        self._rings_at = self._deadline
        self._timer = self._hub.loop.timer(max(0.0, self._deadline - time.monotonic()))
        self._timer.start(self._ring)

    def _fail(self, end: Response | Exception) -> None:
        """The connection is of no more use; the request in flight, if there is one, ends with this."""
        self._finish(end)
        self._drop()

    def _finish(self, end: Response | Exception, received: float | None = None, waited: float | None = None) -> None:
        """Wake the greenlet, after every other read of this turn of the loop has had its time taken."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._done = time.monotonic() if received is None else received
            self._waited = waited
            self._hub.loop.run_callback(waiter.switch, end)

    def _drop(self) -> None:
        """Close without waiting for anything; no watcher stays behind."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        self._rings_at = math.inf
        self._parser = ResponseParser()
