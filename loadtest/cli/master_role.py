"""`loadtest master`: the master of a cluster whose workers are elsewhere. `run` has its own."""

from argparse import Namespace

from loadtest.cli.arguments import Parser, from_environ, port_number, whole_number
from loadtest.cli.local import require_free
from loadtest.cli.page import WEB_PORT
from loadtest.cli.page_tls import TLS_CERT, TLS_KEY, tls_options
from loadtest.cli.roles import MASTER_PORT, become, checked_environ, role_parser
from loadtest.cli.world import World
from loadtest.credentials import (
    WITHOUT_KEY,
    cluster_key,
    page_secrets,
    without_key_allowed,
    without_login_allowed,
)
from loadtest.errors import ExitCode, UsageError

__all__ = ["WEB_PORT", "execute", "parser"]

EVERYWHERE = "0.0.0.0"
LOOPBACK = "127.0.0.1"
"""Where nobody else can reach it."""

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
    made.add_argument(
        "--resume",
        metavar="RUN_DIR",
        help="go on with the run of this directory, whose master died; auto: the newest one below LOADTEST_OUT that is"
        " not over (LOADTEST_RESUME). A LOADTEST_RUN_ID that has a directory already is gone on with as well",
    )
    made.add_argument("--tls-cert", metavar="FILE", help=f"serve the page by TLS with this certificate ({TLS_CERT})")
    made.add_argument("--tls-key", metavar="FILE", help=f"the certificate's key ({TLS_KEY})")
    return made


def execute(namespace: Namespace, world: World) -> ExitCode:
    """Check the configuration and become Locust's master."""
    environ = checked_environ(world.environ)
    port = from_environ(environ, "LOADTEST_MASTER_PORT", MASTER_PORT, port_number)
    host = environ.get("LOADTEST_MASTER_BIND_HOST") or LOOPBACK
    _require_key(host, environ)
    if host in (LOOPBACK, EVERYWHERE) and not any(option.startswith("--master-bind") for option in namespace.rest):
        remedy = "is another master running? LOADTEST_MASTER_PORT names another port"
        require_free(port, "the master", remedy, host)
    options = ["--master", "--master-bind-host", host, "--master-bind-port", str(port)]
    workers = namespace.workers or from_environ(environ, "LOADTEST_WORKERS", 1, whole_number(1))
    if namespace.headless:
        if not namespace.resume:
            _require_profile(environ, namespace.rest)
        options += ["--headless", "--only-summary", "--expect-workers", str(workers)]
    else:
        page_secrets(environ)
        without_login_allowed(environ)
        web = from_environ(environ, "LOADTEST_WEB_PORT", WEB_PORT, port_number)
        web_host = environ.get("LOADTEST_WEB_HOST") or LOOPBACK
        if web_host in (LOOPBACK, EVERYWHERE) and not any(option.startswith("--web-") for option in namespace.rest):
            require_free(web, remedy="is another master running? LOADTEST_WEB_PORT names another port", host=web_host)
        options += ["--web-host", web_host, "--web-port", str(web)]
        given = {TLS_CERT: namespace.tls_cert, TLS_KEY: namespace.tls_key}
        options += tls_options(environ | {name: file for name, file in given.items() if file})
    environ |= {"LOADTEST_WORKERS": str(workers)} | ({"LOADTEST_RESUME": namespace.resume} if namespace.resume else {})
    return become([*options, *namespace.rest], environ, world)


def _require_key(host: str, environ: dict[str, str]) -> None:
    key = cluster_key(environ)
    if key is None and host not in (LOOPBACK, "localhost", "::1") and not without_key_allowed(environ):
        raise UsageError(
            f"workers are to be listened for on {host}, where others can reach it, and there is no cluster key: set"
            " LOADTEST_CLUSTER_KEY or LOADTEST_CLUSTER_KEY_FILE, here and for the workers (`loadtest key` makes one)."
            f" {WITHOUT_KEY}=yes lets anybody who can reach the port read and steer the run"
        )


def _require_profile(environ: dict[str, str], rest: list[str]) -> None:
    if not environ.get("LOADTEST_PROFILE") and not any(option.startswith("--load-profile") for option in rest):
        raise UsageError("which profile? --headless runs the one that LOADTEST_PROFILE names")
