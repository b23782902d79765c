"""argv -> command -> exit code. What a command does is in its own file."""

import os
import traceback
from argparse import Namespace
from collections.abc import Mapping, Sequence
from importlib import import_module, metadata
from typing import NamedTuple, Protocol, TextIO, cast

from loadtest.cli.arguments import Finished, Parser, did_you_mean
from loadtest.cli.processes import Interrupted
from loadtest.cli.world import Execute, World
from loadtest.errors import ExitCode, LoadtestError, ProfileError, UsageError

__all__ = ["COMMANDS", "main"]


class Command(NamedTuple):
    """Where a command lives, and one line on it. It is imported only when it is called: `schema` needs no pydantic."""

    module: str
    summary: str


class Module(Protocol):
    """What the file of a command offers."""

    def parser(self, world: World) -> Parser:
        """Return its parser."""

    def execute(self, namespace: Namespace, world: World) -> ExitCode:
        """Do it."""


COMMANDS = {
    "run": Command("loadtest.cli.run", "run a profile on this machine: a master, workers and, if asked, a backend"),
    "check": Command("loadtest.cli.check", "say what is wrong with profiles, or try one for a few seconds"),
    "doctor": Command("loadtest.cli.doctor", "say what this machine can hold, and whether a profile fits"),
    "plan": Command("loadtest.cli.plan", "show who connects when, on which worker, and which limit is met first"),
    "report": Command("loadtest.cli.report", "make the files of a run again from its data"),
    "compare": Command("loadtest.cli.compare", "compare two runs, and say whether the second is worse"),
    "key": Command("loadtest.cli.key", "make a cluster key, for masters that others can reach"),
    "schema": Command("loadtest.cli.schema", "print the JSON Schema of a profile"),
    "master": Command("loadtest.cli.master_role", "be the master of a cluster (what its container runs)"),
    "worker": Command("loadtest.cli.worker_role", "be a worker of a cluster (what its container runs)"),
}

ROLE_OPTIONS = {"--master": "master", "--worker": "worker"}
"""What others start Locust's own image with (its Kubernetes operator does), so that ours can stand in its place."""

EXAMPLES = f"""\
commands:
{"".join(f"  {name:<8} {command.summary}{chr(10)}" for name, command in COMMANDS.items())}
examples:
  loadtest run smoke --target demo       a first run, against the built-in backend
  loadtest check profiles/*.yaml         every mistake in every profile
  loadtest run --help                    the options of a command, their defaults and variables
"""


def main(
    argv: Sequence[str],
    environ: Mapping[str, str],
    stdout: TextIO,
    stderr: TextIO,
    execute: Execute = os.execve,
) -> ExitCode:
    """Run one command and return what the process should exit with; `argv` is without the program's name."""
    world = World(environ, stdout, stderr, execute)
    try:
        return _command(list(argv), world)
    except Finished:
        return ExitCode.PASS
    except ProfileError as problem:
        world.warn("\n".join(problem.problems))
        return problem.exit_code
    except LoadtestError as problem:
        world.warn(f"loadtest: {problem}")
        return problem.exit_code
    except (Interrupted, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except Exception:  # noqa: BLE001 - the edge: Python's own code for a bug, 1, would say that an SLO was breached
        world.warn(f"loadtest: this is a bug in loadtest, please report it\n{traceback.format_exc()}")
        return ExitCode.INVALID


def _command(argv: list[str], world: World) -> ExitCode:
    if argv and argv[0] in ROLE_OPTIONS:
        argv = [ROLE_OPTIONS[argv[0]], *argv[1:]]
    if not argv or argv[0].startswith("-"):
        return _program(argv, world)
    name, *rest = argv
    if name not in COMMANDS:
        raise UsageError(f"there is no command {name}{did_you_mean(name, COMMANDS)} (see loadtest --help)")
    module = cast("Module", import_module(COMMANDS[name].module))
    parser = module.parser(world)
    return module.execute(parser.parse_all(rest), world)


def _program(argv: list[str], world: World) -> ExitCode:
    parser = Parser("loadtest", "Load for backends that push to subscribers and serve REST.", EXAMPLES, world.stdout)
    parser.usage = "loadtest COMMAND [options]"
    parser.add_argument("--version", action="store_true", help="print the version")
    if parser.parse_all(argv).version:
        world.say(f"loadtest {_version()}")
        return ExitCode.PASS
    parser.print_help(world.stdout if argv else world.stderr)
    return ExitCode.PASS if argv else ExitCode.BAD_CONFIGURATION


def _version() -> str:
    try:
        return metadata.version("loadtest")
    except metadata.PackageNotFoundError:
        return "(not installed)"
