"""The journal of a run on disk: appended, flushed once a second for all that waits, read again after a master died.

Its format is `loadtest.results.journal`. A disk that fails is reported, tried again, and never stops the load.
"""

import errno
import fcntl
import logging
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import gevent
from gevent.event import Event

from loadtest.clock import Clock
from loadtest.errors import JournalError
from loadtest.results.journal import MAGIC, Entry, Reader, encode

__all__ = ["NAME", "Journal", "Keep", "Scan"]

logger = logging.getLogger(__name__)

NAME = "records.journal"
COMMIT_S = 1.0
"""The shortest time between two commits: all that waits by then shares one fsync."""
RETRY_S = 5.0
"""How long after a failure of the disk it is tried again."""
PENDING_BYTES = 1 << 26
"""How much is kept for a disk that fails; what is more is only in memory, as part of the result."""
PIECE = 1 << 18

Keep = Callable[[bool], None]
"""Called when entries are kept: True if they are on disk, False if only in memory."""


class Scan:
    """Reads a journal from its begin: iterating yields its entries; then `good` is how many bytes are whole frames.

    Iterating raises JournalError if it can't be read, or is no journal. `limit`: read so many bytes at most.
    """

    def __init__(self, path: Path, *, limit: float = math.inf) -> None:
        self.path = path
        self.limit = limit
        self.good = 0

    def __iter__(self) -> Iterator[Entry]:
        reader = Reader()
        try:
            with self.path.open("rb") as file:
                while piece := file.read(int(min(PIECE, self.limit - file.tell()))):
                    yield from reader.feed(piece)
        except OSError as problem:
            raise JournalError(f"{self.path} can't be read: {problem.strerror or problem}") from None
        except JournalError as problem:
            raise JournalError(f"{self.path}: {problem}") from None
        self.good = reader.good


class Journal:
    """Appends entries to a file and says when they are kept. One for each run; `close()` waits for the last commit."""

    def __init__(self, path: Path, clock: Clock, *, size: int = 0) -> None:
        self.path = path
        self.clock = clock
        self.failing = ""
        """Why the disk does not take the journal now, in words; empty if it does."""
        self.failed = ""
        """The first such reason of this run."""
        self.hurry = False
        """Commit at once: a run that ends waits for it."""
        self._size = size
        self._file = -1
        self._pending = bytearray()
        self._waiting: list[Keep] = []
        self._wake = Event()
        self._idle = Event()
        self._closed = False
        self._dropped = self._committing = False
        self._loop = gevent.spawn(self._run)

    def append(self, entries: Sequence[Entry], then: Keep | None = None) -> None:
        """Add entries; `then` is called once they, and all that was added before, are kept."""
        for entry in entries:
            self._pending += encode(entry)
        if then is not None:
            self._waiting.append(then)
        self._idle.clear()
        self._wake.set()

    def close(self, seconds: float = 10.0) -> bool:
        """Commit what waits; whether all of it is on disk after `seconds` at most. Nothing can be added afterwards."""
        self.hurry = True
        self._wake.set()
        self._idle.wait(seconds)
        self._closed = True
        self._wake.set()
        self._loop.join(seconds)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        return not (self._pending or self._committing or self._dropped)

    def _run(self) -> None:
        while not self._closed:
            if not self._pending and not self._waiting:
                self._idle.set()
            self._wake.wait()
            self._wake.clear()
            began = self.clock.monotonic()
            if self._pending or self._waiting:
                self._commit()
            pause = RETRY_S if self.failing else COMMIT_S
            while not self.hurry and (left := began + pause - self.clock.monotonic()) > 0:
                gevent.sleep(min(left, 0.1))
            if self.failing:
                self._idle.set()  # nobody should wait for a disk that fails
                if not self.hurry:
                    self._wake.set()

    def _commit(self) -> None:
        """Write and flush what waits, in a thread: an fsync may take seconds, and the hub must go on."""
        data, waiting = bytes(self._pending), self._waiting
        self._pending, self._waiting = bytearray(), []
        self._committing = True
        problem: OSError | None = gevent.get_hub().threadpool.spawn(self._try_to_write, data).get()
        self._committing = False
        if problem is None:
            if self.failing:
                logger.warning("%s is written again", self.path)
            self.failing = ""
        else:
            self._pending = bytearray(data) + self._pending
            self._note(problem)
        for then in waiting:
            then(problem is None and not self._dropped)  # what comes after a gap can't be gone on with

    def _note(self, problem: OSError) -> None:
        reason = problem.strerror or str(problem)
        if reason != self.failing:
            logger.error(
                "%s can't be written: %s; the run goes on, and its result is kept in memory", self.path, reason
            )
        self.failing = reason
        self.failed = self.failed or reason
        if len(self._pending) > PENDING_BYTES:
            self._pending = bytearray()
            self._dropped = True
            logger.error("%s: too much waits for the disk; a master that died now would miss it", self.path)

    def _try_to_write(self, data: bytes) -> OSError | None:
        try:
            self._ensure_open()
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            os.fsync(self._file)
        except OSError as problem:
            self._cut_back()
            return problem
        self._size += len(data)
        return None

    def _cut_back(self) -> None:
        """Undo half a write, so that the next one follows the last whole frame."""
        try:
            if self._file >= 0:
                os.ftruncate(self._file, self._size)
        except OSError as problem:
            logger.warning("%s can't be cut back: %s", self.path, problem.strerror)

    def _ensure_open(self) -> None:
        """Open the file, or make it anew if somebody has removed it: while we hold it, its content is not lost."""
        if self._file >= 0 and self._is_there():
            return
        old = self._file
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            self._claim(file)
            if (old >= 0 or self._size == 0) and os.fstat(file).st_size > 0:
                raise FileExistsError(errno.EEXIST, "there is another run's journal")
            os.ftruncate(file, 0 if old >= 0 else self._size)
            if old >= 0:
                self._copy(old, file)
            elif self._size == 0:
                os.write(file, MAGIC)
                self._size = len(MAGIC)
        except OSError:
            os.close(file)
            raise
        self._file = file
        if old >= 0:
            os.close(old)

    @staticmethod
    def _claim(file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise OSError(problem.errno, "another master writes this run") from None

    def _is_there(self) -> bool:
        try:
            ours, named = os.fstat(self._file), self.path.stat()
        except FileNotFoundError:
            return False
        return (ours.st_dev, ours.st_ino) == (named.st_dev, named.st_ino)

    def _copy(self, old: int, file: int) -> None:
        at = 0
        while at < self._size and (piece := os.pread(old, min(PIECE, self._size - at), at)):
            os.write(file, piece)
            at += len(piece)
