"""What a command knows of the outside: the environment, two streams, and how to become another program."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

__all__ = ["Execute", "World"]

Execute = Callable[[str, list[str], dict[str, str]], object]
"""`os.execve`, or what a test puts in its place."""


@dataclass(frozen=True, slots=True)
class World:
    """Handed to every command. Output that nobody reads any more is dropped: a run doesn't end because a pipe did."""

    environ: Mapping[str, str]
    stdout: TextIO
    stderr: TextIO
    execute: Execute = os.execve

    def say(self, text: str) -> None:
        """Print a result."""
        _print(self.stdout, text)

    def warn(self, text: str) -> None:
        """Print a problem."""
        _print(self.stderr, text)


def _print(stream: TextIO, text: str) -> None:
    with suppress(BrokenPipeError):
        print(text, file=stream, flush=True)
