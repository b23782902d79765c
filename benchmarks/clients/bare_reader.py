"""What CPython under gevent can't go below: one epoll, one read with the kernel's time, one comparison, one addition.

`python -m benchmarks.clients.bare_reader PORT`; commands: connect N, report. It knows no frames: messages are told from
bytes, all of one size.
"""

import socket
import struct
import sys
import time
from typing import Any

from gevent import get_hub
from gevent.monkey import get_original

from benchmarks.clients.control import serve
from loadtest.frames import Handshake, offer
from loadtest.swarm.health import raise_descriptor_limit
from loadtest.swarm.readers import SO_TIMESTAMPNS

READ = 1
LENGTH_16 = 126
URL = f"ws://127.0.0.1:{sys.argv[1]}/ws"
SPACE = socket.CMSG_SPACE(16)
unpack = struct.Struct("qq").unpack


class BareReader:
    """Connections, and the count of what came over them."""

    def __init__(self) -> None:
        self.bytes = 0
        self._sockets: dict[int, Any] = {}
        self._epoll = get_original("select", "epoll")()
        self._buffer = bytearray(65536)
        self._into = [memoryview(self._buffer)]
        self._last = b""
        self._watcher = get_hub().loop.io(self._epoll.fileno(), READ)
        self._watcher.start(self._turn)

    def _turn(self) -> None:
        difference = time.monotonic() - time.time()
        for fd, _ in self._epoll.poll(0, 256):
            size, stamps, _, _ = self._sockets[fd].recvmsg_into(self._into, SPACE)
            seconds, nanoseconds = unpack(stamps[0][2])
            if time.monotonic() >= seconds + nanoseconds * 1e-9 + difference and not (
                size == len(self._last) and self._buffer.startswith(self._last)
            ):
                self._last = bytes(self._buffer[:size])
            self.bytes += size

    def connect(self, count: int) -> dict[str, int]:
        """Open so many more connections, one after the other."""
        for _ in range(count):
            connection = get_original("socket", "create_connection")(("127.0.0.1", int(sys.argv[1])))
            handshake = Handshake(offer(URL))
            connection.sendall(handshake.request)
            while handshake.receive(connection.recv(4096)) is None:
                pass
            connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            connection.settimeout(0.0)
            self._sockets[connection.fileno()] = connection
            self._epoll.register(connection.fileno(), READ)
        return {"open": len(self._sockets)}

    def report(self) -> dict[str, dict[str, int]]:
        """How many frames of the size that the last read begins with."""
        size = 4 + int.from_bytes(self._buffer[2:4], "big") if self._buffer[1] == LENGTH_16 else 2 + self._buffer[1]
        return {"counters": {"messages": self.bytes // size}, "errors": {}}


raise_descriptor_limit()
reader = BareReader()
serve({"connect": reader.connect, "report": reader.report})
