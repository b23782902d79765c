"""`loadtest master`: the master of a cluster whose workers are elsewhere. `run` has its own."""

from argparse import Namespace

from loadtest.cli.arguments import Parser, from_environ, port_number, whole_number
from loadtest.cli.roles import MASTER_PORT, become, checked_environ, role_parser
from loadtest.cli.world import World
from loadtest.errors import ExitCode, UsageError

__all__ = ["execute", "parser"]

WEB_PORT = 8089
LOOPBACK = "127.0.0.1"
"""Where nobody else can reach it: neither the page nor the control port asks who is there."""

EXAMPLES = """\
examples:
  loadtest master                                    the page waits on http://127.0.0.1:8089
  loadtest master --headless --workers 8             LOADTEST_PROFILE runs once 8 workers are there

Everything else comes from the environment (LOADTEST_PROFILE, LOADTEST_TARGET, …); options not listed here go to
`locust` (--web-host, --web-port, --master-bind-host, --csv, …; see locust --help) and win over the environment.
The exit code is the run's.
"""


def parser(world: World) -> Parser:
    """Return the parser of `loadtest master`."""
    made = role_parser("master", "Be the master of a cluster.", EXAMPLES, world)
    made.add_argument(
        "--headless",
        action="store_true",
        help="no page: run LOADTEST_PROFILE as soon as the workers are there, and exit with its code",
    )
    made.add_argument(
        "--workers",
        metavar="N",
        type=whole_number(1),
        help="with --headless: how many workers to wait for (default: 1; LOADTEST_WORKERS)",
    )
    return made


def execute(namespace: Namespace, world: World) -> ExitCode:
    """Check the configuration and become Locust's master."""
    environ = checked_environ(world.environ)
    port = from_environ(environ, "LOADTEST_MASTER_PORT", MASTER_PORT, port_number)
    host = environ.get("LOADTEST_MASTER_BIND_HOST") or LOOPBACK
    options = ["--master", "--master-bind-host", host, "--master-bind-port", str(port)]
    workers = namespace.workers or from_environ(environ, "LOADTEST_WORKERS", 1, whole_number(1))
    if namespace.headless:
        _require_profile(environ, namespace.rest)
        options += ["--headless", "--only-summary", "--expect-workers", str(workers)]
    else:
        web = from_environ(environ, "LOADTEST_WEB_PORT", WEB_PORT, port_number)
        options += ["--web-host", environ.get("LOADTEST_WEB_HOST") or LOOPBACK, "--web-port", str(web)]
    return become([*options, *namespace.rest], {**environ, "LOADTEST_WORKERS": str(workers)}, world)


def _require_profile(environ: dict[str, str], rest: list[str]) -> None:
    if not environ.get("LOADTEST_PROFILE") and not any(option.startswith("--load-profile") for option in rest):
        raise UsageError("which profile? --headless runs the one that LOADTEST_PROFILE names")
