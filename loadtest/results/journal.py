"""The journal of a run as bytes: what the master wrote down before it acknowledged it. Reading the file is swarm's.

A file is MAGIC and then frames: length of the body, CRC-32 of it (both 4 bytes, big-endian), body. A body is msgpack,
`[kind, value]`. A frame that is cut short or damaged ends the journal: what follows it was never acknowledged.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from loadtest.errors import JournalError, WireError
from loadtest.results.record import Count, Record, Text

__all__ = ["MAGIC", "Ended", "Enlisted", "Entry", "Lost", "Reader", "Resumed", "Started", "encode"]

MAGIC = b"ltrec\x00\x01\n"
"""Seven fixed bytes and a line end, of which the one before the last is the version of the format."""
HEAD = struct.Struct(">II")
MAX_BODY = 1 << 26
"""Bytes; a longer frame is damage. A Record of 500 series in each of 20 groups has less than 4 MB."""

Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Started(msgspec.Struct, frozen=True):
    """The run began. Everything that is needed to go on with it."""

    run: Text
    profile: Text | None
    targets: list[str]
    started_at: str
    """ISO 8601, UTC"""
    wall: float
    """The master's wall clock (s since 1970) when run time was 0."""
    digests: dict[str, str] = {}
    """section -> digest of the profile, so that another one is not taken for it"""
    users: int | None = None
    duration: float | None = None
    rate: float | None = None
    run_time: float | None = None


class Enlisted(msgspec.Struct, frozen=True):
    """A worker takes part, from `at` seconds of run time."""

    worker: Text
    index: Count
    at: Seconds
    incarnation: Count = 0


class Lost(msgspec.Struct, frozen=True):
    """A life of a worker was given up at `at` seconds of run time: nothing was heard of it for too long."""

    worker: Text
    incarnation: Count
    at: Seconds


class Resumed(msgspec.Struct, frozen=True):
    """A new master took over at `at` seconds of run time."""

    at: Seconds


class Ended(msgspec.Struct, frozen=True):
    """The run is over and its result was written: nobody may go on with it."""

    at: Seconds


Entry = Started | Enlisted | Lost | Resumed | Ended | Record

KINDS: dict[str, type[Any]] = {
    "started": Started,
    "enlisted": Enlisted,
    "lost": Lost,
    "resumed": Resumed,
    "ended": Ended,
    "record": Record,
}
NAMES = {kind: name for name, kind in KINDS.items()}


def encode(entry: Entry) -> bytes:
    """One frame."""
    body = msgspec.msgpack.encode([NAMES[type(entry)], entry])
    return HEAD.pack(len(body), zlib.crc32(body)) + body


class Reader:
    """Bytes in, entries out, in pieces of any size. `good` is how many of the bytes so far are whole frames."""

    def __init__(self) -> None:
        self.good = 0
        self.damaged = False
        """A frame was found that is not as it was written; nothing after it is read."""
        self._buffer = b""
        self._at = 0

    def feed(self, data: bytes) -> Iterator[Entry]:
        """The entries that are complete now.

        Raises:
            JournalError: it is no journal, or one of another version.
        """
        self._buffer = self._buffer[self._at :] + data
        self._at = 0
        if self.good == 0:
            self._read_magic()
        while self.good and not self.damaged and (entry := self._next()) is not None:
            yield entry

    def _read_magic(self) -> None:
        if not MAGIC.startswith(self._buffer[: len(MAGIC)]):
            raise JournalError("it is not the journal of a run, or one of another version of this program")
        if len(self._buffer) >= len(MAGIC):
            self._at = self.good = len(MAGIC)

    def _next(self) -> Entry | None:
        """The next whole frame's entry; None if there is none yet, or (`damaged`) there will never be one."""
        start = self._at + HEAD.size
        if len(self._buffer) < start:
            return None
        length, checksum = HEAD.unpack_from(self._buffer, self._at)
        if length <= MAX_BODY and len(self._buffer) < start + length:
            return None
        body = self._buffer[start : start + length]
        entry = _entry(body) if length <= MAX_BODY and zlib.crc32(body) == checksum else None
        if entry is None:
            self.damaged = True
            return None
        self._at = start + length
        self.good += HEAD.size + length
        return entry


def _entry(body: bytes) -> Entry | None:
    """What a body says, or None if it is nothing that we write."""
    try:
        name, value = msgspec.msgpack.decode(body, type=tuple[str, Any])
        if name == "record":
            return Record.from_wire(value)
        found: Entry = msgspec.convert(value, KINDS[name])
    except (msgspec.DecodeError, UnicodeDecodeError, msgspec.ValidationError, WireError, KeyError, RecursionError):
        return None
    return found
