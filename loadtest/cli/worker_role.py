"""`loadtest worker`: a worker of a cluster whose master is elsewhere. `run` has its own."""

from argparse import Namespace

from loadtest.cli.arguments import Parser, from_environ, port_number
from loadtest.cli.roles import MASTER_PORT, become, checked_environ, role_parser
from loadtest.cli.world import World
from loadtest.credentials import cluster_key
from loadtest.errors import ExitCode

__all__ = ["execute", "parser"]

EXAMPLES = """\
examples:
  loadtest worker                                    a master on this machine
  loadtest worker --master-host 10.0.0.5             a master elsewhere; it may start later

It needs the same profiles as its master. Options not listed here go to `locust` (see locust --help).
"""


def parser(world: World) -> Parser:
    """Return the parser of `loadtest worker`."""
    made = role_parser("worker", "Be a worker of a cluster.", EXAMPLES, world)
    made.add_argument(
        "--master-host", metavar="HOST", help="where the master is (default: 127.0.0.1; LOADTEST_MASTER_HOST)"
    )
    made.add_argument(
        "--master-port",
        metavar="PORT",
        type=port_number,
        help=f"its control port (default: {MASTER_PORT}; LOADTEST_MASTER_PORT)",
    )
    return made


def execute(namespace: Namespace, world: World) -> ExitCode:
    """Check the configuration and become a worker of Locust."""
    environ = checked_environ(world.environ)
    cluster_key(environ)  # one that can't be used is said before Locust starts
    host = namespace.master_host or environ.get("LOADTEST_MASTER_HOST") or "127.0.0.1"
    port = namespace.master_port or from_environ(environ, "LOADTEST_MASTER_PORT", MASTER_PORT, port_number)
    return become(["--worker", "--master-host", host, "--master-port", str(port), *namespace.rest], environ, world)
