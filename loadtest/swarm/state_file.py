"""A worker's state for a container's probes: a word in a file, written each second by the hub itself.

The word says whether the master took the worker in; the file's age, whether the hub turns. A probe reads it with `grep`
and `find`: a port would be one more to guard, and a Python of its own would show in the measurements.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gevent import get_hub

__all__ = ["StateFile"]

logger = logging.getLogger(__name__)

EVERY_S = 1.0


class StateFile:
    """Writes `state()` into a file each second from `start()` on."""

    def __init__(self, path: Path, state: Callable[[], str]) -> None:
        self._path = path
        self._state = state
        self._timer: Any = None
        self._failed = False

    def start(self) -> None:
        """Write now, and every second from now on."""
        self.write()
        self._timer = get_hub().loop.timer(EVERY_S, EVERY_S)
        self._timer.start(self.write)

    def stop(self) -> None:
        """Write no more and remove the file."""
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None
        self._path.unlink(missing_ok=True)

    def write(self) -> None:
        """Write the state; a file that can't be written is a probe that fails, not a worker."""
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            fresh.write_text(self._state() + "\n", "utf-8")
            os.replace(fresh, self._path)  # noqa: PTH105 - a reader sees the old word or the new one, never half of it
        except OSError as problem:
            if not self._failed:
                logger.error("the state file can't be written, so probes will fail: %s", problem)  # noqa: TRY400 - no bug of ours
            self._failed = True
        else:
            self._failed = False
