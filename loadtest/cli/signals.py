"""Signals as something that a selector can wait for. What is done about them is up to who waits."""

import os
import signal
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Signals"]

ASKS_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """While entered (main thread only), `fileno()` gets readable at each signal that asks to end, or a child's end.

    `signal.set_wakeup_fd` and not a lock or a queue: a handler may interrupt anything, also the code that holds it.
    """

    def __init__(self) -> None:
        self.received: list[signal.Signals] = []
        self._previous: dict[signal.Signals, Any] = {}
        self._reader, self._writer = -1, -1
        self._woke = -1

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._woke = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (*ASKS_TO_END, signal.SIGCHLD):
            # nohup makes a process ignore SIGHUP, and that must stay so.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        signal.set_wakeup_fd(self._woke)
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        """Return what a selector waits for."""
        return self._reader

    def clear(self) -> None:
        """Take what made `fileno()` readable."""
        with suppress(BlockingIOError):
            while os.read(self._reader, 4096):
                pass

    def _note(self, number: int, _: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self.received.append(signal.Signals(number))
