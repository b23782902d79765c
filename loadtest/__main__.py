"""`python -m loadtest` and the `loadtest` script: the only place that exits."""

import os
import sys
from contextlib import suppress

from loadtest.cli import main as command_line

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process."""
    code = command_line(sys.argv[1:], os.environ, sys.stdout, sys.stderr)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has left (`loadtest schema | head`); the interpreter would complain at its own flush.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(int(code))


if __name__ == "__main__":
    main()
