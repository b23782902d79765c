"""What a run leaves on disk: one directory, each file written whole or not at all."""

import json
import logging
import os
from pathlib import Path
from typing import Any

__all__ = ["RunDirectory"]

logger = logging.getLogger(__name__)


class RunDirectory:
    """`OUT/<run id>/`. A disk that is full or read-only is reported and never stops the load."""

    def __init__(self, out: Path, run_id: str) -> None:
        self.path = out / run_id

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file."""
        self.write(name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def write(self, name: str, text: str) -> None:
        """Write a text file: under another name first, so that nobody ever reads half of it."""
        target = self.path / name
        partial = self.path / f".{name}.partial"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with partial.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError as problem:
            logger.error("%s could not be written: %s", target, problem.strerror or problem)  # noqa: TRY400 - no traceback for a full disk
