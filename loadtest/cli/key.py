"""`loadtest key`: makes a cluster key, the one secret that master and workers share, or a token for the page."""

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
  loadtest key --group /run/web/token      one that the file's group reads as well: the page's token, for Prometheus too

A file that exists is left alone, so that this can stand in a script that starts a cluster.
"""


def new_key() -> str:
    """Return a key that nobody can guess."""
    return secrets.token_urlsafe(RANDOM_BYTES)


def parser(world: World) -> Parser:
    """Return the parser of `loadtest key`."""
    made = Parser("loadtest key", "Make a cluster key.", EXAMPLES, world.stdout)
    made.add_argument("file", metavar="FILE", nargs="*", help="where to (default: print it); each file gets its own")
    made.add_argument("--group", action="store_true", help="let the file's group read it (default: only its owner)")
    return made


def execute(namespace: Namespace, world: World) -> ExitCode:
    """Print a key, or write one into each file that doesn't exist yet."""
    if not namespace.file:
        world.say(new_key())
    for file in namespace.file:
        world.say(_made(Path(file), 0o440 if namespace.group else 0o400))
    return ExitCode.PASS


def _made(path: Path, mode: int) -> str:
    try:
        _write(path, mode)
    except FileExistsError:
        key = cluster_key({"LOADTEST_CLUSTER_KEY_FILE": str(path)})
        if not isinstance(key, ClusterKey):
            raise UsageError(f"{path} holds no key") from None
        return f"{path} holds a key already"
    except OSError as problem:
        raise UsageError(f"{path} can't be written: {problem.strerror or problem}") from None
    return f"made a key in {path}"


def _write(path: Path, mode: int) -> None:
    """Write it whole or not at all: a reader must never find half a key, nor two writers two keys."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(new_key() + "\n")
        os.link(fresh, path)  # fails if it is there
    finally:
        fresh.unlink()
