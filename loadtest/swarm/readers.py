"""Reads all connections of a hub, and tells when the kernel received what was read. What it means is the taker's.

One epoll has all descriptors, and one gevent watcher the epoll: with a libev watcher for each connection, each read
costs a callback through Cython besides.
"""

import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from gevent.monkey import get_original

from loadtest.frames import Repeat
from loadtest.swarm.edge import READ_BYTES, lost, report
from loadtest.swarm.tls import CLOSED as EOF

__all__ = ["EOF", "SO_TIMESTAMPNS", "NeverRepeated", "Reader", "Readers", "Taker", "readers_of"]

READ = 1
"""EPOLLIN, and libev's name for the same."""
SO_TIMESTAMPNS = 35
"""asm-generic/socket.h; Python has no name for it. A stamp is a struct timespec of the wall clock."""
STAMP = struct.Struct("qq")
unpack_stamp = STAMP.unpack
STAMP_SPACE = socket.CMSG_SPACE(STAMP.size)
EVENTS_PER_TURN = 256
"""Connections that are read before timers and greenlets get their turn; epoll hands the others out first next time."""
STEP_S = 1e-3
SLEW = 1e-3
"""A wall clock that moves by more than STEP_S, and SLEW of the time between two turns, was set: NTP slews at most half
of SLEW (adjtimex(2))."""
CLOCKS_DIFFER_S = 1e-4
"""A stamp may be later than now by what the comparison of the clocks can be wrong."""
AT_ONCE_S = 2e-5
"""Two clocks are read at once if it took no longer than this; a process can be interrupted in between."""

_epoll: Callable[[], Any] = get_original("select", "epoll")  # gevent removes it from `select`
_readers: "WeakKeyDictionary[Any, Readers]" = WeakKeyDictionary()


def readers_of(hub: Any) -> "Readers":
    """The one of a hub."""
    found = _readers.get(hub)
    if found is None:
        found = _readers[hub] = Readers(hub.loop)
    return found


class Taker(Protocol):
    """Who gets what was read. Called from the hub's callback: it must not block."""

    def data_received(self, buffer: bytearray, size: int, received: float, waited: float | None) -> None:
        """Take what was read: the first `size` bytes of a shared buffer; what is kept must be copied before returning.

        `received` (time.monotonic()) is when the kernel got the last of it, `waited` the seconds from then to this
        call; None: the kernel does not tell, or the wall clock was set, and `received` is the time of the read.
        """

    repeat: Repeat | None
    """The frame that may well come again, and for which `repeated` takes the place of data_received."""

    def repeated(self, received: float, waited: float | None) -> None:
        """The read was `repeat.frame`, no byte more or less; the times are as for data_received."""


class NeverRepeated:
    """A taker to which every read is new."""

    __slots__ = ()
    repeat: Repeat | None = None

    def repeated(self, received: float, waited: float | None) -> None:
        """Not called."""


class Reader(Protocol):
    """A connection that is read."""

    sock: Any
    """Python's own, non-blocking."""
    taker: Taker

    def read_failed(self, reason: str) -> None:
        """There is nothing more to read: EOF, a name of `edge.lost`'s, or of `edge.report`'s if the taker raised."""


class Readers:
    """Reads from each descriptor that has something: once in a turn, so that a burst does not starve the others.

    What is called back may add and remove any descriptor. One that was closed and opened anew within a turn may be read
    though there is nothing; that is found out by the read.
    """

    __slots__ = ("_into", "_loop", "_postponed", "_readers", "_set", "_since", "_timer", "_to_monotonic",
                 "_turned", "_watcher", "buffer", "view")  # fmt: skip

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._set: Any = None
        self._readers: dict[int, Reader] = {}
        self._watcher: Any = None
        self._timer: Any = None
        self._postponed: list[Callable[[], None]] = []
        self.buffer = bytearray(READ_BYTES)
        """The one read buffer of all connections: an idle connection holds none."""
        self.view = memoryview(self.buffer)
        self._into = [self.view]
        self._turned = 0.0
        self._to_monotonic = 0.0  # seconds to add to a stamp for time.monotonic(), as of this turn
        self._since = 0.0  # since when that is so: stamps from before can't be told, the wall clock was set
        self._compare_clocks()

    def add(self, reader: Reader) -> None:
        """Read its socket whenever there is something; it must be removed before the socket is closed."""
        if self._set is None:
            self._set = _epoll()
            self._watcher = self._loop.io(self._set.fileno(), READ)
            self._watcher.start(self._turn)
        fd = reader.sock.fileno()
        self._readers[fd] = reader
        self._set.register(fd, READ)

    def remove(self, reader: Reader) -> None:
        """Read no more; does nothing for one that is not here."""
        if self._readers.pop(reader.sock.fileno(), None) is None:
            return
        self._set.unregister(reader.sock.fileno())
        if not self._readers:  # nothing stays behind, and a process without connections can end
            self._watcher.stop()
            self._watcher.close()
            self._set.close()
            self._watcher = self._set = None

    def __contains__(self, reader: Reader) -> bool:
        return reader.sock.fileno() in self._readers

    def later(self, callback: Callable[[], None]) -> None:
        """Call once, in the next turn of the loop, when what is to be read by then has been."""
        self._postponed.append(callback)
        if self._timer is None:
            self._timer = self._loop.timer(0.0)
            self._timer.start(self._call_postponed)

    def _call_postponed(self) -> None:
        self._timer.close()
        self._timer = None
        postponed, self._postponed = self._postponed, []
        for callback in postponed:
            try:
                callback()
            except Exception as exc:  # noqa: BLE001 - the edge: gevent would drop the others
                report(exc)

    def _turn(self) -> None:  # noqa: C901 - a call more for each read would cost a hundredth of it
        """Read once from each that has something: the hottest loop there is.

        Broadcasts that repeat the last one are delivered when the reads are done, or before anything else is: without
        system calls in between, it takes a tenth less time.
        """
        self._compare_clocks()
        repeated: list[tuple[Reader, float, float | None]] = []
        buffer, into, find, monotonic = self.buffer, self._into, self._readers.get, time.monotonic
        for fd, _ in self._set.poll(0, EVENTS_PER_TURN):
            reader = find(fd)
            if reader is None:  # removed in this turn
                continue
            try:
                size, stamps, _, _ = reader.sock.recvmsg_into(into, STAMP_SPACE)
            except (BlockingIOError, InterruptedError):
                continue
            except OSError as exc:
                reader.read_failed(lost(exc))
                continue
            now = received = monotonic()
            waited = None
            if stamps:
                seconds, nanoseconds = unpack_stamp(stamps[0][2])
                stamp = seconds + nanoseconds * 1e-9 + self._to_monotonic
                if self._since <= stamp <= now:
                    received, waited = stamp, now - stamp
                elif now < stamp < now + CLOCKS_DIFFER_S:
                    waited = 0.0
            repeat = (taker := reader.taker).repeat
            if repeat is not None and size == repeat.size and buffer.startswith(repeat.frame):
                repeated.append((reader, received, waited))
                continue
            if repeated:  # what is read now may replace what they repeat
                self._deliver(repeated)
                repeated.clear()
            try:
                if size:
                    taker.data_received(buffer, size, received, waited)
                else:
                    reader.read_failed(EOF)
            except Exception as exc:  # noqa: BLE001 - the edge: gevent stops a watcher whose callback raises
                reader.read_failed(report(exc))
        self._deliver(repeated)

    @staticmethod
    def _deliver(repeated: list[tuple[Reader, float, float | None]]) -> None:
        for reader, received, waited in repeated:
            try:
                reader.taker.repeated(received, waited)
            except Exception as exc:  # noqa: BLE001 - the edge: gevent stops a watcher whose callback raises
                reader.read_failed(report(exc))

    def _compare_clocks(self) -> None:
        """How far the wall clock is from the monotonic one, and whether it was set since the last turn."""
        for _ in range(4):
            now = time.monotonic()
            difference = now - time.time()
            if time.monotonic() - now <= AT_ONCE_S:
                break
        if abs(difference - self._to_monotonic) > STEP_S + SLEW * (now - self._turned):
            self._since = now
        self._to_monotonic = difference
        self._turned = now
