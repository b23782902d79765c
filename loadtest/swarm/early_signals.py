"""Signals that come while a process starts: kept until somebody listens to them.

Locust connects a worker to its master before it looks at signals. One that came between ended the worker with a
traceback, or by the signal itself, and its master went on to wait for it.
"""

import os
import signal
from types import FrameType
from typing import Any

import gevent

__all__ = ["EarlySignals"]


class EarlySignals:
    """SIGTERM and SIGINT from `keep` on; handlers that are installed later take their place. For Locust's events."""

    def __init__(self) -> None:
        self._came: list[int] = []
        self._begun = self._keeping = False

    def keep(self, **_: Any) -> None:
        """`init_command_line_parser`: remember what comes from now on. A signal that is ignored stays ignored."""
        if self._begun:
            return  # the web page makes a parser for each of its requests
        self._begun = self._keeping = True
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def deliver(self, **_: Any) -> None:
        """`init`: all is installed: send the first that came once more, as soon as the main greenlet waits."""
        gevent.spawn(self._deliver)

    def _deliver(self) -> None:
        self._keeping = False
        for number in self._came[:1]:
            os.kill(os.getpid(), number)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._keeping:
            self._came.append(number)
        else:
            # Locust's main greenlet takes it for the wish to end in good order. Raised here, gevent would print it.
            gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())
