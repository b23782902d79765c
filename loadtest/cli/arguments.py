"""argparse that raises UsageError instead of exiting, prints where it is told, and asks "did you mean"."""

import argparse
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn, TextIO

from loadtest.errors import UsageError

__all__ = ["Finished", "Parser", "did_you_mean", "from_environ", "port_number", "whole_number"]

MAX_PORT = 65535


class Finished(Exception):
    """What was asked for (`--help`) is done; there is no command to run."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?`, or nothing where nothing is near."""
    near = difflib.get_close_matches(given, list(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


class Parser(argparse.ArgumentParser):
    """The parser of one command; `examples` are shown below its help.

    With `passes_on`, what it does not know is kept as `rest`, for another program.
    """

    def __init__(self, prog: str, description: str, examples: str, stdout: TextIO, *, passes_on: bool = False) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self._stdout = stdout
        self._passes_on = passes_on

    def parse_all(self, argv: Sequence[str]) -> argparse.Namespace:
        """Parse, and refuse what is not ours. Raises UsageError, or Finished after `--help`."""
        namespace, rest = self.parse_known_args(list(argv))
        if self._passes_on:
            namespace.rest = rest
        elif rest:
            # Only the name: what follows = may be a secret.
            option = rest[0].partition("=")[0]
            self.error(f"{option}: is not known here{did_you_mean(option, self.options())}")
        return namespace

    def options(self) -> list[str]:
        """Every long option of this command."""
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message.removeprefix('argument ')} (see {self.prog} --help)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:  # noqa: ARG002 - argparse's signature
        """Raise Finished: argparse exits only after it has printed its help."""
        raise Finished

    def print_help(self, file: Any = None) -> None:
        """Print the help where the command prints everything else."""
        super().print_help(file or self._stdout)


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers, for `type=` and for environment variables. It raises ArgumentTypeError."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError("must be a whole number") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"must be {least} or more")
        if most is not None and number > most:
            raise argparse.ArgumentTypeError(f"must be {most} or less")
        return number

    return read


port_number = whole_number(1, MAX_PORT)


def from_environ(environ: Mapping[str, str], name: str, default: int, read: Callable[[str], int]) -> int:
    """Read a number from the environment; an empty variable is none. Raises UsageError that names the variable."""
    text = environ.get(name, "").strip()
    try:
        return read(text) if text else default
    except argparse.ArgumentTypeError as problem:
        raise UsageError(f"{name}: {problem}") from None
