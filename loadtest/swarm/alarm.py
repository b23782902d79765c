"""A timer on gevent's hub that rings within microseconds of its time: requests come due by it."""

import ctypes
import os
from collections.abc import Callable
from typing import Any

from gevent import get_hub

__all__ = ["Alarm"]

_MONOTONIC = 1  # CLOCK_MONOTONIC (timerfd_create(2)), what time.monotonic() reads
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC  # which TFD_NONBLOCK and TFD_CLOEXEC are
_READABLE = 1
_SOONEST_NS = 1  # 0 would disarm it

_libc: Any = ctypes.CDLL(None, use_errno=True)


class _Spec(ctypes.Structure):
    """A `struct itimerspec` on the 64-bit Linux systems there are: interval, then value, each in s and ns."""

    _fields_ = (
        ("interval_s", ctypes.c_long), ("interval_ns", ctypes.c_long), ("s", ctypes.c_long), ("ns", ctypes.c_long),
    )  # fmt: skip


class Alarm:
    """Calls `ring` once for each `set`, in the hub's callback: it must not block.

    libev hands its own timers to epoll in whole milliseconds and rounds up, so that they are half a millisecond late on
    average. That would stand in every response time that counts from when a request was due. A timerfd does not round;
    where there is none (not Linux), libev's timer has to do.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = get_hub().loop
        self._fd = _libc.timerfd_create(_MONOTONIC, _FLAGS) if hasattr(_libc, "timerfd_create") else -1
        self._watcher: Any = None
        if self._fd >= 0:
            self._watcher = self._loop.io(self._fd, _READABLE)
            self._watcher.start(self._on_readable)

    def set(self, seconds: float) -> None:
        """Ring in so many seconds, and not when it was set to ring before."""
        if self._fd >= 0:
            whole, part = divmod(max(_SOONEST_NS, round(seconds * 1e9)), 1_000_000_000)
            _libc.timerfd_settime(self._fd, 0, ctypes.byref(_Spec(0, 0, whole, part)), None)
            return
        self.stop()
        self._watcher = self._loop.timer(max(0.0, seconds))
        # `update`: the hub's own time is that of its last turn, so that the timer would ring early.
        self._watcher.start(self._ring, update=True)

    def stop(self) -> None:
        """Don't ring."""
        if self._fd >= 0:
            _libc.timerfd_settime(self._fd, 0, ctypes.byref(_Spec(0, 0, 0, 0)), None)
        elif self._watcher is not None:
            self._watcher.close()
            self._watcher = None

    def close(self) -> None:
        """Never ring again."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _on_readable(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # set anew since it rang
            return
        self._ring()
