"""The server of the page's port, which a stranger can't use up.

gevent's pywsgi takes any number of connections, and waits for the TLS handshake of each as long as its peer likes.
"""

import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from locust.web import WebUI

import gevent
from gevent import pywsgi

from loadtest.clock import SystemClock
from loadtest.dashboard.shield.login_attempts import owner_of
from loadtest.errors import UsageError
from loadtest.swarm import control_port, locust_patches, page_requests
from loadtest.swarm.page_requests import UNENDED, Handler
from loadtest.swarm.page_seats import Closed, Limits, Seat, Seats

__all__ = ["PageServer", "install", "limits_of", "server_for"]

logger = logging.getLogger(__name__)

ALL = "LOADTEST_WEB_CONNECTIONS"
OF_ONE = "LOADTEST_WEB_CONNECTIONS_PER_ADDRESS"

LOOK_S = 1.0
SEND_BUFFER = 262144
"""Bytes of the kernel's send buffer: else that grows to megabytes, and hides for minutes whether they are taken."""
BACKLOG = 1024


class PageServer(pywsgi.WSGIServer):  # type: ignore[misc]  # gevent has no types
    """Serves `application`; with `tls` by TLS."""

    backlog = BACKLOG
    handler_class = Handler

    def __init__(
        self, listener: Any, application: Any, limits: Limits, closed: Closed, tls: ssl.SSLContext | None = None
    ) -> None:
        more = {"ssl_context": tls} if tls is not None else {}
        super().__init__(listener, application, log=None, error_log=logger, **more)
        self.closed_on = closed
        self.seats = Seats(limits, SystemClock.monotonic, closed.count)
        self._watch: gevent.Greenlet | None = None

    def start(self) -> None:
        """Listen."""
        super().start()
        self._watch = gevent.spawn(self._look)

    def close(self) -> None:
        """Listen no more."""
        super().close()
        watch, self._watch = getattr(self, "_watch", None), None
        if watch is not None:
            watch.kill(block=False)

    def stop(self, timeout: float | None = None) -> None:
        """End."""
        super().stop(timeout)
        self.closed_on.say(at_once=True)

    def _look(self) -> None:
        while True:
            gevent.sleep(LOOK_S)
            self.seats.hang_up_overdue()
            self.closed_on.say()

    def do_handle(self, sock: Any, address: Any) -> None:
        """Take a connection in, or close it. Runs in the hub: nothing here may block."""
        line = [sock]
        seat = self.seats.take(owner_of(address[0]), lambda: _hang_up(line[0]))
        if seat is None:
            sock.close()
            return
        self.seats.expect(seat, UNENDED, page_requests.HEAD_S)
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        super().do_handle(sock, address, seat, line)

    def do_close(self, sock: Any, *args: Any) -> None:
        """It is over."""
        super().do_close(sock)
        self.seats.leave(args[1])

    def wrap_socket_and_handle(self, sock: Any, address: Any, seat: Seat, line: list[Any]) -> None:
        """Shake hands, which gevent does without an end, and with a traceback for whoever can't."""
        with self.wrap_socket(sock, do_handshake_on_connect=False, **self.ssl_args) as tls:
            line[0] = tls
            try:
                tls.do_handshake()
            except OSError:
                self.closed_on.count("that failed to shake hands")
                return
            self.seats.expect(seat, UNENDED, page_requests.HEAD_S)
            self.handle(tls, address, seat, line)

    def handle(self, sock: Any, address: Any, seat: Seat, _line: list[Any]) -> None:
        """Answer its requests."""
        with suppress(OSError):  # the peer, or we, ended it while a refusal was on its way
            self.handler_class(sock, address, self, seat).handle()


def _hang_up(sock: Any) -> None:
    """End a connection as if its peer had: who reads from it or writes to it sees that, and cleans up."""
    with suppress(OSError):
        sock._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001 - gevent's own would drop what another greenlet waits on


def install(web_ui: WebUI, environ: Mapping[str, str]) -> Callable[[], dict[tuple[str, str], int]]:
    """Let Locust serve its page by this; returns what tells how often strangers were turned away, by (port, why).

    Raises:
        UsageError: the environment says a limit that is none.
    """
    closed = Closed(SystemClock.monotonic)
    locust_patches.serve_page_by(web_ui, server_for(web_ui, limits_of(environ), closed))

    def refused() -> dict[tuple[str, str], int]:
        dropped = {("control", why): count for why, count in control_port.DROPPED.items()}
        return dropped | {("web", why): count for why, count in closed.why.items()}

    return refused


def limits_of(environ: Mapping[str, str]) -> Limits:
    """Return what the environment says, or what is usual.

    Raises:
        UsageError: that is no number, or 0.
    """
    usual = Limits()
    return Limits(_count(environ, ALL, usual.all), _count(environ, OF_ONE, usual.of_one))


def _count(environ: Mapping[str, str], name: str, usual: int) -> int:
    text = environ.get(name) or str(usual)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 10**6):
        raise UsageError(f"{name}: must be a whole number, 1 or more")
    return int(text)


def server_for(web_ui: WebUI, limits: Limits, closed: Closed) -> Callable[[], PageServer]:
    """Return what makes the server of Locust's page when that starts."""

    def make() -> PageServer:
        tls = None
        if web_ui.tls_cert and web_ui.tls_key:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(web_ui.tls_cert, web_ui.tls_key)
        return PageServer((web_ui.host, web_ui.port), web_ui.app, limits, closed, tls)

    return make
