"""`loadtest key`: makes a cluster key, the one secret that master and workers share."""

import os
import secrets
from argparse import Namespace
from pathlib import Path

from loadtest.cli.arguments import Parser
from loadtest.cli.world import World
from loadtest.credentials import ClusterKey, cluster_key
from loadtest.errors import ExitCode, UsageError

__all__ = ["execute", "new_key", "parser"]

RANDOM_BYTES = 32

EXAMPLES = """\
examples:
  loadtest key                             print a new one: for LOADTEST_CLUSTER_KEY of the master and every worker
  loadtest key /run/keys/cluster-key       write it into a file that only you can read, for LOADTEST_CLUSTER_KEY_FILE

A file that exists is left alone, so that this can stand in a script that starts a cluster.
"""


def new_key() -> str:
    """Return a key that nobody can guess."""
    return secrets.token_urlsafe(RANDOM_BYTES)


def parser(world: World) -> Parser:
    """Return the parser of `loadtest key`."""
    made = Parser("loadtest key", "Make a cluster key.", EXAMPLES, world.stdout)
    made.add_argument("file", metavar="FILE", nargs="?", help="where to (default: print it)")
    return made


def execute(namespace: Namespace, world: World) -> ExitCode:
    """Print a key, or write one into a file that doesn't exist yet."""
    if namespace.file is None:
        world.say(new_key())
        return ExitCode.PASS
    path = Path(namespace.file)
    try:
        _write(path)
    except FileExistsError:
        key = cluster_key({"LOADTEST_CLUSTER_KEY_FILE": str(path)})
        if not isinstance(key, ClusterKey):
            raise UsageError(f"{path} holds no key") from None
        world.say(f"{path} holds a key already")
    except OSError as problem:
        raise UsageError(f"{path} can't be written: {problem.strerror or problem}") from None
    else:
        world.say(f"made a key in {path}")
    return ExitCode.PASS


def _write(path: Path) -> None:
    """Write it whole or not at all: a reader must never find half a key, nor two writers two keys."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(new_key() + "\n")
        os.link(fresh, path)  # fails if it is there
    finally:
        fresh.unlink()
