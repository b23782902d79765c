"""A directory of files that are each written whole or not at all. Used by whoever leaves a run, or renders it again."""

import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["RunDirectory"]

logger = logging.getLogger(__name__)


class RunDirectory:
    """A run's directory, such as `runs/<run id>/`. A disk that is full or read-only is reported, and raises nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failed: dict[str, str] = {}
        """File -> why it could not be written, for those that are not there as they should be."""

    def write_json(self, name: str, content: dict[str, Any]) -> bool:
        """Write a JSON file."""
        return self.write(name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def write(self, name: str, text: str) -> bool:
        """Write a text file: under another name first, so that nobody ever reads half of it. Whether it is there.

        What is there survives a crash of the machine: the file is flushed before it gets its name, the name after.
        """
        partial = self.path / f".{name}.partial"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with partial.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path / name)
            self._flush_names()
        except OSError as problem:
            self._report(name, problem.strerror or str(problem))
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            return False
        if self.failed.pop(name, None) is not None:
            logger.warning("%s is written again", self.path / name)
        return True

    def _flush_names(self) -> None:
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _report(self, name: str, why: str) -> None:
        if self.failed.get(name) != why:
            logger.error("%s could not be written: %s", self.path / name, why)
        self.failed[name] = why
