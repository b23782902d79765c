"""The log of a run in its directory. The files of a run are conclusion.py's."""

import logging
import os
from pathlib import Path

__all__ = ["RunLog"]

logger = logging.getLogger(__name__)


class RunLog(logging.Handler):
    """The process's log, also in the run's directory while the run lasts. A disk that fails silences it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)s/%(name)s: %(message)s"))
        self._file = -1
        self._open()

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as problem:
            logger.error("%s can't be written: %s; the load goes on", self.path, problem.strerror)  # noqa: TRY400 - no traceback for a full disk

    def emit(self, record: logging.LogRecord) -> None:
        """Append a line; it is on its way to the disk at once."""
        if self._file < 0:
            return
        try:
            os.write(self._file, f"{self.format(record)}\n".encode(errors="replace"))
        except OSError:
            self._shut()
        except Exception:  # noqa: BLE001 - the edge: a message that can't be formatted must not reach who logged it
            self.handleError(record)

    def close(self) -> None:
        """Take no more."""
        self._shut()
        super().close()

    def _shut(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
