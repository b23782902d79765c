"""Wall clocks that are wrong, and that are set while a program runs: libfaketime, without touching monotonic clocks."""

import shutil
from pathlib import Path

import pytest

__all__ = ["NO_MONOTONIC", "Faked", "libfaketime"]

NO_MONOTONIC = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
"""No setting of a clock moves CLOCK_MONOTONIC. (Two names, for two versions of the library.)"""


def libfaketime() -> str:
    """The library that Debian's `faketime` preloads."""
    program = shutil.which("faketime")
    if program is None:
        pytest.skip("no faketime; `make deps` installs it")
    found = sorted((Path(program).parent.parent / "lib").rglob("libfaketimeMT.so.1"))
    if not found:
        pytest.skip(f"no libfaketimeMT.so.1 beside {program}")
    return str(found[0])


class Faked:
    """A wall clock for the processes that get `environ`; `step` sets it while they run."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = folder / f"{name}.faketime"
        self._file.write_text("+0\n")
        self.environ = {
            "LD_PRELOAD": libfaketime(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            **NO_MONOTONIC,
        }

    def step(self, seconds: float) -> None:
        """Set it so far from the true time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+g}\n")
        new.replace(self._file)  # never half of it
