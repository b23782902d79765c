"""Reads all connections of a hub, and tells when the kernel received what was read. What it means is the taker's.

One epoll has all descriptors, and one gevent watcher the epoll: with a libev watcher for each connection, each read
costs a callback through Cython besides.
"""

import errno
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from gevent.monkey import get_original

from loadtest.frames import Repeat
from loadtest.swarm.edge import READ_BYTES, lost, report
from loadtest.swarm.slots import SO_TIMESTAMPNS, Slots
from loadtest.swarm.tls import CLOSED as EOF

__all__ = ["EOF", "SO_TIMESTAMPNS", "Gathered", "NeverRepeated", "Reader", "Readers", "Taker", "readers_of"]

READ = 1
"""EPOLLIN, and libev's name for the same."""
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
NOTHING = {-errno.EAGAIN, -errno.EINTR}

Gathered = list[tuple["Reader", float, float | None]]
"""Readers that got the same bytes, and the times of each."""

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

    What is called back may add and remove any descriptor. One that is removed may still get what was read before: who
    closes it has to leave a taker that takes nothing. One that was closed and opened anew within a turn may be read
    though there is nothing; that is found out by the read.
    """

    __slots__ = ("_loop", "_postponed", "_readers", "_set", "_since", "_slots", "_timer", "_to_monotonic", "_turned",
                 "_watcher", "buffer", "view")  # fmt: skip

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._set: Any = None
        self._readers: dict[int, Reader] = {}
        self._watcher: Any = None
        self._timer: Any = None
        self._postponed: list[Callable[[], None]] = []
        self.buffer = bytearray(READ_BYTES)
        """For whoever is called back and needs one to itself: an idle connection holds none."""
        self.view = memoryview(self.buffer)
        self._slots = Slots()
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
            self._slots.close()
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

    def _turn(self) -> None:
        """Read once from each that has something. Raising would end it for all of them: gevent stops the watcher."""
        try:
            self._compare_clocks()
            events = self._set.poll(0, EVENTS_PER_TURN)
        except Exception as exc:  # noqa: BLE001 - the edge
            report(exc)
            return
        readers = self._readers
        step = self._slots.count
        for at in range(0, len(events), step):
            fds = [fd for fd, _ in events[at : at + step] if fd in readers]  # not removed in this turn
            if fds:
                self._read([readers[fd] for fd in fds], fds)

    def _read(self, ready: list[Reader], fds: list[int]) -> None:
        try:
            sizes, stamps = self._slots.read(ready, fds)
        except Exception as exc:  # noqa: BLE001 - the edge
            name = report(exc)
            for reader in ready:
                reader.read_failed(name)
        else:
            self._hand_on(ready, sizes, stamps)

    def _hand_on(self, ready: list[Reader], sizes: Sequence[int], stamps: Sequence[float]) -> None:
        """Deliver what was read: the hottest loop there is. Without system calls in between it takes less time.

        Broadcasts that repeat the last one are gathered, and delivered before anything that may replace it.
        """
        now = time.monotonic()
        difference, since = self._to_monotonic, self._since
        gathered: dict[Repeat, Gathered] = {}
        last, same = None, []
        for reader, size, buffer, stamp in zip(ready, sizes, self._slots.buffers, stamps):  # noqa: B905 - buffers: more
            received, waited = now, None
            if stamp:
                stamp += difference  # noqa: PLW2901 - a hot path
                if since <= stamp <= now:
                    received, waited = stamp, now - stamp
                elif now < stamp < now + CLOCKS_DIFFER_S:
                    waited = 0.0
            repeat = reader.taker.repeat
            if repeat is not None and size == repeat.size and buffer.startswith(repeat.frame):
                if repeat is not last:
                    last, same = repeat, gathered.setdefault(repeat, [])
                same.append((reader, received, waited))
                continue
            if gathered:  # what comes now may replace what they repeat
                _deliver(gathered)
                gathered.clear()
                last = None
            _take(reader, size, buffer, received, waited)
        if gathered:
            _deliver(gathered)

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


def _take(reader: Reader, size: int, buffer: bytearray, received: float, waited: float | None) -> None:
    """Hand on what was read; `size` is -errno where that failed."""
    try:
        if size > 0:
            reader.taker.data_received(buffer, size, received, waited)
        elif size not in NOTHING:
            reader.read_failed(lost(OSError(-size, "")) if size else EOF)
    except Exception as exc:  # noqa: BLE001 - the edge: gevent stops a watcher whose callback raises
        reader.read_failed(report(exc))


def _deliver(gathered: dict[Repeat, Gathered]) -> None:
    for repeat, same in gathered.items():
        rest, frame = same, repeat.frame
        if repeat.together is not None:
            try:
                rest = repeat.together(same)
            except Exception as exc:  # noqa: BLE001 - the edge
                name = report(exc)
                for reader, _, _ in same:
                    reader.read_failed(name)
                continue
        for reader, received, waited in rest:
            try:
                if repeat.frame is frame:
                    reader.taker.repeated(received, waited)
                else:  # another one was learned: what was the rest of a message on one connection is whole on the next
                    reader.taker.data_received(bytearray(frame), len(frame), received, waited)
            except Exception as exc:  # noqa: BLE001 - the edge
                reader.read_failed(report(exc))
