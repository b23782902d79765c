"""Who comes to the control port: when strangers hold too many of the descriptors, the first of them makes room.

libzmq takes in whoever connects, and only ends those that have not said who they are in time. When they have all
descriptors, it spins, nobody can join, and whatever else opens a file in this process fails. It has no limit of its
own, and unbinding the port would end those who are in.
"""

import errno
import logging
import resource
from collections.abc import Callable
from enum import Enum
from typing import Any

import gevent
import zmq
from zmq.utils.monitor import parse_monitor_message

from loadtest.clock import SystemClock
from loadtest.swarm import borrowed

__all__ = ["HANDSHAKE_S", "Door", "Handshake", "watch"]

logger = logging.getLogger(__name__)

HANDSHAKE_S = 10.0
"""A connection that has not said who it is by then is closed: half-open ones must not use up descriptors."""
MARGIN_S = 1.0
MOST_OF_A_STRANGER = 64 + 202
"""Bytes of a greeting and of CURVE's HELLO (rfc.zeromq.org/spec/26), which is refused without the key."""
MOST_TO_A_STRANGER = 64 + 64
"""Who has taken more than a greeting has been welcomed, for 170 bytes, and so has the key."""
LOOK_S = 0.5
MOST_LOOKS = 2000
"""In one look, of some 4 µs each."""
SAY_EVERY_S = 10.0

HANDSHAKE_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
GONE = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED


class Handshake(Enum):
    """What became of one."""

    DONE = 0
    REFUSED = 1
    """One side would not have the other."""
    CUT = 2
    """It took too long, or the connection was lost: the network's doing, or a stranger's who said nothing."""

    @classmethod
    def of(cls, event: int, value: int, *, is_server: bool) -> "Handshake":
        """From an event of a socket's monitor (zmq_socket_monitor(3)); `value`: its error.

        A server hangs up on a client with another key, without a word: there is no shared secret to say one in.
        """
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            return cls.DONE
        if event != zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            return cls.REFUSED
        return cls.REFUSED if value == errno.EPIPE and not is_server else cls.CUT


class Door:
    """Counts the connections that may be a stranger's: those that are there and not older than a handshake may be.

    `limit` tells how many descriptors this process may have; strangers may have half of what its peers leave.
    """

    def __init__(self, now: Callable[[], float], limit: Callable[[], int]) -> None:
        self._now = now
        self._limit = limit
        self._new: dict[int, float] = {}
        self._known: set[int] = set()
        self._turn: list[int] = []

    def came(self, descriptor: int) -> None:
        """A connection was accepted."""
        self._known.discard(descriptor)
        self._new.pop(descriptor, None)
        self._new[descriptor] = self._now()

    def went(self, descriptor: int) -> None:
        """It is gone."""
        self._known.discard(descriptor)
        self._new.pop(descriptor, None)

    def know(self, descriptor: int) -> None:
        """It has said who it is."""
        if self._new.pop(descriptor, None) is not None:
            self._known.add(descriptor)

    @property
    def first(self) -> int:
        """The one that is there for longest, of those that have not had to say who they are yet."""
        return next(iter(self._new))

    def some(self, count: int) -> list[int]:
        """So many of the strangers, in turn."""
        if not self._turn and self.strangers:
            self._turn = list(self._new)
        taken, self._turn = self._turn[:count], self._turn[count:]
        return [descriptor for descriptor in taken if descriptor in self._new]

    @property
    def strangers(self) -> int:
        """How many of those that are there have not had to say who they are yet."""
        since = self._now() - HANDSHAKE_S - MARGIN_S
        while self._new and next(iter(self._new.values())) < since:
            descriptor = next(iter(self._new))
            del self._new[descriptor]
            self._known.add(descriptor)
        return len(self._new)

    def is_crowded(self) -> bool:
        """Whether strangers have more than they may have."""
        strangers = self.strangers
        return strangers > (self._limit() - len(self._known)) / 2


def watch(
    zmq_socket: Any, on_handshake: Callable[[Handshake], None], *, keep_door: bool = False, keyed: bool = False
) -> None:
    """Call after each handshake of a socket.

    `keep_door`: end connections to a server's port that have not said who they are when they are too many, and,
    if it is `keyed`, when they say too much.
    """
    guard = _Guard(zmq_socket, keyed=keyed) if keep_door else None
    events = HANDSHAKE_FAILED | zmq.EVENT_HANDSHAKE_SUCCEEDED | (zmq.EVENT_ACCEPTED | GONE if keep_door else 0)
    monitor = zmq_socket.get_monitor_socket(events)

    def follow() -> None:
        while True:
            try:
                told = parse_monitor_message(monitor.recv_multipart())
            except zmq.ZMQError:  # the socket was closed
                return
            event = told["event"]
            if event == zmq.EVENT_MONITOR_STOPPED:
                return
            if guard is not None and event & (zmq.EVENT_ACCEPTED | GONE):
                guard.look(event, told["value"])
            else:
                on_handshake(Handshake.of(event, told["value"], is_server=keep_door))

    gevent.spawn(follow)


class _Guard:
    """Keeps the door of a server's socket."""

    def __init__(self, zmq_socket: Any, *, keyed: bool) -> None:
        self._socket = zmq_socket
        self._door = Door(SystemClock.monotonic, _descriptor_limit)
        self._said_at = float("-inf")
        if keyed:
            gevent.spawn(self._listen)

    def look(self, event: int, descriptor: int) -> None:
        """A connection came or went."""
        if event & GONE:
            self._door.went(descriptor)
            return
        self._door.came(descriptor)
        while self._door.is_crowded():
            first = self._door.first
            talk = borrowed.talk_of(first, self._port)
            if talk is not None and talk.taken > MOST_TO_A_STRANGER:
                self._door.know(first)
                continue
            self._say()
            self._end(first)

    def _listen(self) -> None:
        """End those that say more than they may, for libzmq keeps all of it, up to MAX_MESSAGE."""
        while not self._socket.closed:
            gevent.sleep(LOOK_S)
            for descriptor in self._door.some(MOST_LOOKS):
                talk = borrowed.talk_of(descriptor, self._port)
                if talk is None:
                    continue
                if talk.taken > MOST_TO_A_STRANGER:
                    self._door.know(descriptor)
                elif talk.sent > MOST_OF_A_STRANGER:
                    self._end(descriptor)

    def _end(self, descriptor: int) -> None:
        borrowed.end(descriptor, self._port)
        self._door.went(descriptor)

    @property
    def _port(self) -> int:
        return int(self._socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").rpartition(b":")[2])

    def _say(self) -> None:
        now = SystemClock.monotonic()
        if now - self._said_at >= SAY_EVERY_S:
            self._said_at = now
            there = self._door.strangers
            logger.error("%d connections to the control port have not said who they are: the first make room", there)


def _descriptor_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
