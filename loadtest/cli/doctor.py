"""`loadtest doctor`: what this machine can hold, and whether a profile fits, before anything is started."""

from argparse import Namespace

from loadtest.capacity import Needs, limits, needs_of
from loadtest.cli.arguments import Parser, from_environ, whole_number
from loadtest.cli.capacity_text import first_limit, limit_lines
from loadtest.cli.configuration import configure
from loadtest.cli.machine import read_machine
from loadtest.cli.options import add_overrides, overrides_in
from loadtest.cli.world import World
from loadtest.errors import ExitCode
from loadtest.profiles import Overrides

__all__ = ["add_places", "execute", "parser", "places_in"]

WORKERS = 2

EXAMPLES = """\
examples:
  loadtest doctor                                  what 2 workers on this machine can hold
  loadtest doctor market-stream --workers 8        whether a profile fits
  loadtest doctor market-stream --workers 8 --hosts 4 --users 100000

It reads descriptors, local ports, memory, CPU, connection tracking and the limits of the container it is in. How many
messages a core can take depends on the server; a run measures that, and says when the generator was the limit.
Exit codes: 0 it fits, 1 it does not, 2 the profile or the command line is wrong.
"""


def add_places(parser: Parser) -> None:
    """Add --workers and --hosts."""
    parser.add_argument(
        "--workers", metavar="N", type=whole_number(1), help=f"how many workers (default: {WORKERS}; LOADTEST_WORKERS)"
    )
    parser.add_argument(
        "--hosts", metavar="N", type=whole_number(1), default=1, help="machines like this one for them (default: 1)"
    )


def places_in(namespace: Namespace, world: World) -> tuple[int, int]:
    """Return how many workers, and on how many machines."""
    workers = namespace.workers or from_environ(world.environ, "LOADTEST_WORKERS", WORKERS, whole_number(1))
    return workers, min(namespace.hosts, workers)


def parser(world: World) -> Parser:
    """Return the parser of `loadtest doctor`."""
    made = Parser("loadtest doctor", "Say what this machine can hold.", EXAMPLES, world.stdout)
    made.add_argument("profile", metavar="PROFILE", nargs="?", help="path or name (default: LOADTEST_PROFILE, or none)")
    add_places(made)
    add_overrides(made)
    return made


def execute(namespace: Namespace, world: World) -> ExitCode:
    """Print the limits; FAIL if the profile does not fit."""
    workers, hosts = places_in(namespace, world)
    overrides = overrides_in(namespace).over(Overrides.from_environ(world.environ))
    wanted = namespace.profile or world.environ.get("LOADTEST_PROFILE")
    profile = configure(wanted, overrides, world.environ).profile if wanted else None
    needs = needs_of(profile, workers, hosts) if profile is not None else Needs(workers, hosts, users=0, targets=1)
    found = limits(read_machine(), needs)
    what = f"{profile.name}: {needs.users:,} users at the peak" if profile is not None else "no profile"
    world.say(f"\n{what}, {workers} workers, {hosts} machine{'s' * (hosts > 1)} like this one\n")
    world.say("\n".join(limit_lines(found, with_load=profile is not None)))
    world.say(f"\n{first_limit(found, needs)}")
    return ExitCode.FAIL if any(limit.outcome == "exceeded" for limit in found) else ExitCode.PASS
