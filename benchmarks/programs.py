"""Compiles, starts what is measured on a core of its own, and talks to it: a line in, a line of JSON out."""

import json
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from benchmarks import kernel

__all__ = ["Program", "compile_c", "python"]

HERE = Path(__file__).parent
ROOT = HERE.parent
FLAGS = ["-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"]
END_S = 20.0


def compile_c(name: str, folder: Path) -> Path:
    """Compile a program of `c/`.

    Raises:
        RuntimeError: there is no compiler, or it does not compile.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise RuntimeError("the target and the reference are C programs and need a compiler: apt-get install gcc")
    done = subprocess.run(
        [compiler, *FLAGS, "-o", folder / name, HERE / "c" / f"{name}.c"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{compiler} could not compile c/{name}.c:\n{done.stderr}")
    return folder / name


def python(module: str, *arguments: object) -> list[str]:
    """The command of one of `clients/`."""
    return [sys.executable, "-m", f"benchmarks.clients.{module}", *map(str, arguments)]


class Program:
    """A child process on one core. It ends when the `with` block does."""

    def __init__(self, command: list[str], core: int) -> None:
        self._child = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.greeting = self._line()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        with suppress(BrokenPipeError):
            self._child.communicate(timeout=END_S)

    def ask(self, command: str) -> dict[str, Any]:
        """One command and its answer; blocks until it comes."""
        stdin = self._child.stdin
        if stdin is None:
            raise AssertionError("stdin is a pipe")
        stdin.write(command + "\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def _line(self) -> str:
        stdout = self._child.stdout
        line = stdout.readline() if stdout is not None else ""
        if not line:
            raise RuntimeError(f"{self._child.args!r} ended unexpectedly, see above")
        return line

    @property
    def cpu(self) -> float:
        """Seconds on a core so far (taskset becomes the program: the pid is the same)."""
        return kernel.cpu_seconds(self._child.pid)

    @property
    def rss(self) -> int:
        """Bytes of resident memory now."""
        return kernel.rss_bytes(self._child.pid)
