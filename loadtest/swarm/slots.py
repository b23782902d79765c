"""Reads several sockets in one go, each into a buffer of its own, with the kernel's time of each read."""

import socket
import struct
from collections.abc import Sequence
from typing import Any, Protocol

from loadtest.swarm.edge import READ_BYTES
from loadtest.swarm.ring import Ring

__all__ = ["SLOTS", "SO_TIMESTAMPNS", "HasSocket", "Slots"]

SLOTS = 32
"""Reads at once. More of them would push what large messages bring out of the processor's cache."""
MANY = 4
"""From so many on, reading them in one system call costs less."""
SO_TIMESTAMPNS = 35
"""asm-generic/socket.h; Python has no name for it. A stamp is a struct timespec of the wall clock."""
STAMP = struct.Struct("qq")
unpack_stamp = STAMP.unpack
STAMP_SPACE = socket.CMSG_SPACE(STAMP.size)


class HasSocket(Protocol):
    """Who can be read."""

    sock: Any
    """Python's own, non-blocking."""


class Slots:
    """The read buffers of all connections: an idle connection holds none."""

    count = SLOTS

    def __init__(self) -> None:
        self._new_buffers()
        self._ring: Ring | None = None
        self._abandoned: list[object] = []  # the kernel may still write into them
        self._has_ring = True  # until it was tried

    def _new_buffers(self) -> None:
        self.buffers = [bytearray(READ_BYTES) for _ in range(self.count)]
        """What was read: valid until the next `read`."""
        self._into = [[memoryview(buffer)] for buffer in self.buffers]

    def read(self, ready: Sequence[HasSocket], fds: Sequence[int]) -> tuple[Sequence[int], Sequence[float]]:
        """Read once from each of these (`fds` are theirs), at most `count`; never blocks.

        Returns (bytes in the buffer of its place, or -errno; when the kernel got the last of them by the wall clock, in
        seconds since the epoch, or 0.0: it does not tell).

        Raises:
            Exception: what was read of these is lost. The next ones are read in another way.
        """
        if len(fds) >= MANY and self._has_ring:
            return self._read_at_once(ready, fds)
        return self._read_each(ready, 0)

    def close(self) -> None:
        """Leave nothing open; `read` opens it again."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None

    def _read_at_once(self, ready: Sequence[HasSocket], fds: Sequence[int]) -> tuple[Sequence[int], Sequence[float]]:
        if self._ring is None:
            try:
                self._ring = Ring(self.buffers)
            except OSError:
                self._has_ring = False
                return self._read_each(ready, 0)
        try:
            sizes, stamps = self._ring.read(fds)
        except BaseException:
            self._has_ring = False
            self._abandoned = [self.buffers, self._ring]
            self.close()
            self._new_buffers()
            raise
        if len(sizes) < len(ready):
            more = self._read_each(ready, len(sizes))
            return sizes + more[0], stamps[: len(sizes)] + more[1]
        return sizes, stamps

    def _read_each(self, ready: Sequence[HasSocket], start: int) -> tuple[list[int], list[float]]:
        """Those from `start` on."""
        sizes: list[int] = []
        stamps: list[float] = []
        for reader, into in zip(ready[start:], self._into[start:]):  # noqa: B905 - there are more buffers
            try:
                size, ancillary, _, _ = reader.sock.recvmsg_into(into, STAMP_SPACE)
            except OSError as exc:
                sizes.append(-(exc.errno or 1))
                stamps.append(0.0)
                continue
            sizes.append(size)
            if ancillary:
                seconds, nanoseconds = unpack_stamp(ancillary[0][2])
                stamps.append(seconds + nanoseconds * 1e-9)
            else:
                stamps.append(0.0)
        return sizes, stamps
