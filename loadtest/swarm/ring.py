"""Many reads in one system call, by Linux's io_uring (io_uring(7)), where the kernel has it and lets us.

Containers often do not: Docker's default seccomp profile forbids it. Nothing is left to the kernel to do later: each
request says that it must not wait, so that all are over when the call returns.
"""

import ctypes
import mmap
import os
import socket
import struct
import sys
from array import array
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

__all__ = ["Ring", "Undone"]

SETUP, ENTER = 425, 426
"""System calls; their numbers are the same on all 64-bit architectures that Python runs on."""
OFFER_SQES = 0x10000000
GETEVENTS = 1
RECVMSG = 10
SINGLE_MMAP = 1
AGAIN = 8
"""How often the kernel is asked for what it left undone."""

PARAMS = struct.Struct("10I 6I2IQ 6I2IQ")
"""struct io_uring_params: entries of both queues, flags, …, features at 5; then where things lie in each queue."""
SQE = struct.Struct("BBHiQQIIQQQQ")
"""opcode, flags, ioprio, fd, off, addr, len, msg_flags, user_data; 64 bytes."""
CQE_WORDS, SQE_WORDS = 4, 16
"""struct io_uring_cqe (user_data, res, flags) and a submission, in words of 4 bytes."""
MSGHDR = struct.Struct("QI4xQQQQi4x")
"""name, its length, iovec, how many, control, its length, flags (64 bits)."""
IOVEC = struct.Struct("QQ")
CONTROL = struct.Struct("Qiiqq")
"""cmsghdr and the struct timespec of SO_TIMESTAMPNS: all that fits in, as CMSG_SPACE says."""
CONTROL_WORDS = 4

_libc: Any = ctypes.PyDLL(None, use_errno=True)  # PyDLL: the call does not wait, so other threads need not run
_syscall: Any = getattr(_libc, "syscall", None)
if _syscall is not None:
    _syscall.restype = ctypes.c_long
    _syscall.argtypes = [ctypes.c_long] * 7


class Undone(OSError):
    """The kernel took reads and did not end them: what they read, or will, is lost, and the ring of no more use."""


def _address(memory: bytearray | mmap.mmap) -> int:
    """Where it lies; it stays there as long as it lives and keeps its size."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


class Ring:
    """Reads up to as many sockets as there are buffers, each into its own.

        ring = Ring(buffers)        # OSError: not here
        sizes, stamps = ring.read([fd, …])
        ring.close()

    Raises:
        OSError: there is no io_uring, it is forbidden, or it is too old.
    """

    def __init__(self, buffers: Sequence[bytearray]) -> None:
        if _syscall is None or sys.platform != "linux" or struct.calcsize("P") != 8:  # noqa: PLR2004 - bytes
            raise OSError("no io_uring here")
        params = bytearray(PARAMS.size)
        self._fd = int(_syscall(SETUP, len(buffers), _address(params), 0, 0, 0, 0))
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "no io_uring")
        try:
            self._lay_out(buffers, PARAMS.unpack(params))
            self._probe()
        except BaseException:
            self.close()
            raise

    def _lay_out(self, buffers: Sequence[bytearray], params: tuple[int, ...]) -> None:
        entries, results, features = params[0], params[1], params[5]
        _, tail, _, _, _, _, places, _, _, head, done, _, _, _, cqes = params[10:25]
        if not features & SINGLE_MMAP:
            raise OSError("io_uring is too old")
        self._entries, self._results = entries, results
        size = max(places + 4 * entries, cqes + 16 * results)
        self._queues = mmap.mmap(self._fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._words = memoryview(self._queues)[: size & ~3].cast("i")
        self._tail, self._places = tail // 4, places // 4
        self._head, self._done, self._cqes = head // 4, done // 4, cqes // 4
        self._sent = self._taken = 0  # as tail and head, which wrap at 32 bits
        self._buffers = buffers
        self._control = bytearray(CONTROL.size * entries)
        self._messages = bytearray(MSGHDR.size * entries)
        self._vectors = bytearray(IOVEC.size * entries)
        self._requests = mmap.mmap(
            self._fd, SQE.size * entries, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=OFFER_SQES
        )
        vectors, control, messages = _address(self._vectors), _address(self._control), _address(self._messages)
        for i, buffer in enumerate(buffers):
            vector, header = vectors + i * IOVEC.size, messages + i * MSGHDR.size
            IOVEC.pack_into(self._vectors, i * IOVEC.size, _address(buffer), len(buffer))
            name = (0, 0, vector, 1, control + i * CONTROL.size, CONTROL.size, 0)
            MSGHDR.pack_into(self._messages, i * MSGHDR.size, *name)
            request = (RECVMSG, 0, 0, -1, 0, header, 1, socket.MSG_DONTWAIT, i, 0, 0, 0)
            SQE.pack_into(self._requests, i * SQE.size, *request)
        self._of_requests = memoryview(self._requests).cast("i")
        self._of_messages = memoryview(self._messages).cast("q")
        self._of_control = memoryview(self._control).cast("q")
        self._order = memoryview(array("i", range(entries)))
        self._spaces = memoryview(array("q", [CONTROL.size]) * entries)
        self._nothing = memoryview(array("q", [0]) * entries)

    def _probe(self) -> None:
        """A kernel that would wait for what is not there, or leave it to a thread of its own, is of no use."""
        ours, peer = socket.socketpair()
        with ours, peer:
            sizes = self._submit([ours.fileno()], wait=False)
        if sizes != [-11]:  # EAGAIN
            raise OSError("io_uring does not answer at once")

    def read(self, fds: Sequence[int]) -> tuple[list[int], list[float]]:
        """Read once from each; as Slots.read. There may be fewer answers than descriptors: the others were not read.

        Raises:
            Undone: it is not known what was read.
        """
        count = len(fds)
        self._of_messages[5 : 7 * count : 7] = self._spaces[:count]  # the kernel has written what it used of it
        control = self._of_control
        control[2 : CONTROL_WORDS * count : CONTROL_WORDS] = self._nothing[:count]
        control[3 : CONTROL_WORDS * count : CONTROL_WORDS] = self._nothing[:count]
        sizes = self._submit(fds)
        told = control[: CONTROL_WORDS * count].tolist()
        stamps = [seconds + nanoseconds * 1e-9 for seconds, nanoseconds in zip(told[2::4], told[3::4], strict=True)]
        return sizes, stamps

    def _submit(self, fds: Sequence[int], *, wait: bool = True) -> list[int]:
        """Results in the order of the descriptors; of as many as the kernel took."""
        count, words, entries = len(fds), self._words, self._entries
        self._of_requests[1 : SQE_WORDS * count : SQE_WORDS] = memoryview(array("i", fds))
        at = self._sent & (entries - 1)
        first = min(count, entries - at)
        words[self._places + at : self._places + at + first] = self._order[:first]
        if first < count:
            words[self._places : self._places + count - first] = self._order[first:count]
        words[self._tail] = _signed(self._sent + count)
        submitted = _syscall(ENTER, self._fd, count, count if wait else 0, GETEVENTS, 0, 0)
        if submitted != count:  # no memory: take the others back
            submitted = max(submitted, 0)
            words[self._tail] = _signed(self._sent + submitted)
        self._sent += submitted
        if wait:
            self._await(submitted)
        return self._take(submitted)

    def _await(self, count: int) -> None:
        """See that all are over: a signal may have come between."""
        words, wanted = self._words, _signed(self._taken + count)
        for _ in range(AGAIN):
            if words[self._done] == wanted:
                return
            missing = (wanted - words[self._done]) % 2**32
            _syscall(ENTER, self._fd, 0, missing, GETEVENTS, 0, 0)
        raise Undone("io_uring left something undone")

    def _take(self, count: int) -> list[int]:
        words, results = self._words, self._results
        if words[self._done] != _signed(self._taken + count):
            raise Undone("io_uring left something undone")
        at, cqes = self._taken & (results - 1), self._cqes
        first = min(count, results - at)
        told = words[cqes + CQE_WORDS * at : cqes + CQE_WORDS * (at + first)].tolist()
        if first < count:
            told += words[cqes : cqes + CQE_WORDS * (count - first)].tolist()
        self._taken += count
        words[self._head] = _signed(self._taken)
        places, sizes = told[::CQE_WORDS], told[2::CQE_WORDS]
        if places == self._order[:count].tolist():
            return sizes
        by_place = dict(zip(places, sizes, strict=True))
        return [by_place[place] for place in range(count)]

    def close(self) -> None:
        """Give everything back to the kernel."""
        for name in ("_words", "_of_requests"):
            with suppress(AttributeError):
                getattr(self, name).release()
        for name in ("_queues", "_requests"):
            with suppress(AttributeError):
                getattr(self, name).close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _signed(number: int) -> int:
    """A 32-bit counter as the words hold it."""
    return (number + 2**31) % 2**32 - 2**31
