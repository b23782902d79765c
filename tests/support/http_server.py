"""An HTTP server that does on each connection exactly what a test's script says: bytes, silence, reset, close."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ssl import SSLContext
from typing import Any

import gevent
from gevent import GreenletExit
from gevent.event import Event
from gevent.server import StreamServer

__all__ = ["Peer", "Script", "ScriptedServer", "answer", "serving"]


def answer(body: bytes = b"ok", status: int = 200, *headers: str) -> bytes:
    """One well-formed answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status} Text", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: Any, index: int, server: "ScriptedServer") -> None:
        self.sock = sock
        self.index = index
        """How many connections came before this one."""
        self._server = server
        self._buffer = b""

    def read_request(self) -> bytes:
        """One request, body included; also kept in the server's `requests`. Empty: the client closed."""
        while b"\r\n\r\n" not in self._buffer:
            if not (data := self.sock.recv(65536)):
                return b""
            self._buffer += data
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(rest) < length:
            rest += self.sock.recv(65536)
        self._buffer = rest[length:]
        request = head + b"\r\n\r\n" + rest[:length]
        self._server.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.sock.sendall(data)

    def half_close(self) -> None:
        """Send FIN and go on reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Send RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_closed(self) -> None:
        """Block until the client has closed; what it sends until then is dropped."""
        try:
            while self.sock.recv(65536):
                pass
        except OSError:
            pass


Script = Callable[[Peer], None]


class ScriptedServer:
    """Runs `script` for each connection. What it saw can be asked: `connections`, `requests`, `closed`."""

    def __init__(self, script: Script, ssl_context: SSLContext | None = None) -> None:
        self.script = script
        self.connections = 0
        self.requests: list[bytes] = []
        self.open = 0
        self.changed = Event()
        tls: dict[str, Any] = {} if ssl_context is None else {"ssl_context": ssl_context}
        self.server = StreamServer(("127.0.0.1", 0), self._handle, **tls)

    @property
    def port(self) -> int:
        return int(self.server.server_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _handle(self, sock: Any, _address: Any) -> None:
        self.connections += 1
        self.open += 1
        try:
            self.script(Peer(sock, self.connections - 1, self))
        except (OSError, GreenletExit):
            pass  # the client is gone, or the test is over
        finally:
            sock.close()
            self.open -= 1
            self.changed.set()

    def wait_until_closed(self, timeout: float = 5.0) -> None:
        """Block until every connection is over (the script has seen its end)."""
        with gevent.Timeout(timeout):
            while self.open:
                self.changed.clear()
                self.changed.wait()


@contextmanager
def serving(script: Script, ssl_context: SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Serve by `script` on a free port of 127.0.0.1 while the block runs."""
    scripted = ScriptedServer(script, ssl_context)
    scripted.server.start()
    try:
        yield scripted
    finally:
        scripted.server.stop(timeout=0)
