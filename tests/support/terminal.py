"""A program on a terminal of its own, which can be typed into."""

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

SIZE = (40, 120)
LOGIN = "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Runs a command as a shell would: its terminal's Ctrl-C reaches it."""

    def __init__(self, command: list[str], environ: Mapping[str, str], folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, SIZE)
        self.process = subprocess.Popen(
            [sys.executable, "-c", LOGIN, str(theirs), *command],
            env=dict(environ),
            cwd=folder,
            pass_fds=[theirs],
        )
        os.close(theirs)
        self.raw = ""

    @property
    def text(self) -> str:
        """All that was printed so far, without colours and movements."""
        return ESCAPES.sub("", self.raw)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def read_until(self, pattern: str, seconds: float = 60) -> str:
        """Read on until what was printed matches."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            left = deadline - time.monotonic()
            assert left > 0, f"waited {seconds:g} s in vain for {pattern}:\n{self.text}"
            assert self._read(left) or re.search(pattern, self.text), f"ended without {pattern}:\n{self.text}"
        return self.text

    def finish(self, seconds: float = 60) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + seconds
        while self._read(max(0.0, deadline - time.monotonic())):
            assert time.monotonic() < deadline, self.text
        return self.process.wait(seconds)

    def _read(self, seconds: float) -> bool:
        """Take what comes; False at the end."""
        if not select.select([self._ours], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux: nobody has the other side any more
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)
        os.close(self._ours)
