"""A disk of its own that can be full, or be replaced by a read-only one: a tmpfs.

Needs root; without, the test is skipped.
"""

import os
import subprocess
from pathlib import Path
from typing import Self

import pytest

__all__ = ["SmallDisk"]


class SmallDisk:
    """Mounted at `path` while the block lasts."""

    def __init__(self, path: Path, size: str = "4m") -> None:
        self.path = path
        self._size = size
        self._filler = path / "filler"
        self._hidden = False

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink()

    def hide(self) -> None:
        """Put a disk that can't be written in its place: one in use can't be made read-only."""
        _do("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(self.path))
        self._hidden = True

    def show(self) -> None:
        """Take that away again."""
        _do("umount", str(self.path))
        self._hidden = False

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            pytest.skip("mounting needs root")
        self.path.mkdir(exist_ok=True)
        try:
            _do("mount", "-t", "tmpfs", "-o", f"size={self._size}", "tmpfs", str(self.path))
        except (subprocess.CalledProcessError, FileNotFoundError) as problem:
            pytest.skip(f"nothing can be mounted here: {problem}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._hidden:
            self.show()
        _do("umount", "-l", str(self.path))


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=20)
