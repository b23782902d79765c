"""`loadtest check`: every mistake in every profile and, with --live, a few seconds of each against its target."""

import sys
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtest.cli.arguments import Parser, from_environ, whole_number
from loadtest.cli.configuration import Configuration, configure
from loadtest.cli.demo import start_demo
from loadtest.cli.processes import Children, Command
from loadtest.cli.supervision import Supervision
from loadtest.cli.targets import await_targets
from loadtest.cli.world import World
from loadtest.errors import ExitCode, ProfileError, UsageError
from loadtest.profiles import DEMO, Overrides, scrub

__all__ = ["execute", "parser"]

SECONDS = 5
LONGEST = 3600
LIVE = (sys.executable, "-P", "-m", "loadtest.swarm.live")
"""A process of its own: it imports Locust."""

EXAMPLES = """\
examples:
  loadtest check profiles/*.yaml                     every mistake, with file, line and key
  loadtest check smoke --live --target demo          what was sent, what came back, which check failed
  loadtest check my --live --seconds 20

The environment changes profiles as it does for `run` (LOADTEST_TARGET, LOADTEST_USERS, LOADTEST_DURATION,
LOADTEST_SET). Exit codes: 0 all good, 2 a mistake, with --live also 1 (a check failed), 3, 4 (nothing answers) and 130.
"""


def parser(world: World) -> Parser:
    """Return the parser of `loadtest check`."""
    made = Parser("loadtest check", "Say what is wrong with profiles.", EXAMPLES, world.stdout)
    made.add_argument("profiles", metavar="PROFILE", nargs="+", help="paths, or names of files in LOADTEST_PROFILES")
    made.add_argument(
        "--live", action="store_true", help="also run one user of each group, and print what went to and fro"
    )
    made.add_argument(
        "--seconds",
        metavar="N",
        type=whole_number(1, LONGEST),
        help=f"how long --live lasts (default: {SECONDS}; LOADTEST_LIVE_SECONDS)",
    )
    made.add_argument("--target", metavar="URL", help="as for run (default: the profile's; LOADTEST_TARGET)")
    return made


def execute(namespace: Namespace, world: World) -> ExitCode:
    """Check all; try them only if all are good. Returns the first code that is not PASS."""
    overrides = Overrides(target=namespace.target).over(Overrides.from_environ(world.environ))
    good: list[Configuration] = []
    for wanted in namespace.profiles:
        if not wanted.strip():
            raise UsageError("check: a profile's name is empty; is the variable that should hold it set?")
        try:
            good.append(configure(wanted, overrides, world.environ))
        except ProfileError as problem:
            world.warn("\n".join(problem.problems))
        else:
            world.say(f"ok {good[-1].path}: {good[-1].profile}")
    if len(good) < len(namespace.profiles):
        return ExitCode.BAD_CONFIGURATION
    if not namespace.live:
        return ExitCode.PASS
    length = whole_number(1, LONGEST)
    seconds = namespace.seconds or from_environ(world.environ, "LOADTEST_LIVE_SECONDS", SECONDS, length)
    codes = [_try(configuration, seconds, world) for configuration in good]
    return next((code for code in codes if code != ExitCode.PASS), ExitCode.PASS)


def _try(configuration: Configuration, seconds: int, world: World) -> ExitCode:
    profile = configuration.profile
    if profile is None:
        raise AssertionError("a profile that was checked is there")
    with TemporaryDirectory(prefix="loadtest-") as logs, Children(Path(logs)) as children:
        targets = profile.target.urls
        demo = None
        if targets == (DEMO,):
            demo = start_demo(children, world.environ, profile.target.token)
        await_targets((demo,) if demo else targets, children.pause)
        environ = configuration.environ(world.environ, demo)
        environ |= {"LOADTEST_LIVE_SECONDS": str(seconds), "PYTHONUNBUFFERED": "1"}
        child = children.start(Command("live", LIVE, environ, heard=True))
        watch = Supervision(children, child, [], world, clean=lambda text: scrub(text, profile.secrets()))
        code = watch.run()
        verdict, sentence = watch.verdict(code, has_result=True)
        if sentence:
            world.warn(f"loadtest: {sentence}")
        elif code and child.log.stat().st_size:
            world.warn(scrub(child.tail(), profile.secrets()))
        return verdict
