"""`loadtest run`: a cluster on this machine for one profile, or for the web page. Which processes: `local`."""

import json
import secrets
from argparse import ArgumentTypeError, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loadtest.cli.arguments import Parser, from_environ, port_number, whole_number
from loadtest.cli.compare import FAIL_ON, compare_runs, percentage, read_side
from loadtest.cli.configuration import Configuration, configure, known_profiles
from loadtest.cli.demo import start_demo
from loadtest.cli.key import new_key
from loadtest.cli.local import Cluster, reserved_port
from loadtest.cli.options import add_overrides, overrides_in
from loadtest.cli.page import WEB_PORT, page_address, require_page
from loadtest.cli.processes import Children
from loadtest.cli.report import find_run
from loadtest.cli.supervision import Supervision
from loadtest.cli.targets import await_targets
from loadtest.cli.world import World
from loadtest.clock import Clock, SystemClock
from loadtest.compare.comparison import Side
from loadtest.credentials import CLUSTER_KEY, cluster_key
from loadtest.errors import ExitCode, ProfileError, UsageError
from loadtest.profiles import DEMO, Overrides, discover, load_file, scrub

if TYPE_CHECKING:
    from loadtest.cli.view import View

__all__ = ["execute", "parser", "run_id"]

STATUS_VARIABLE = "LOADTEST_STATUS_LINES"
"""Asks the master for its status as lines of JSON (`loadtest.monitor`)."""

WORKERS = 2
FROM_ENVIRON = 0
"""--web without a port: LOADTEST_WEB_PORT or the default."""

EXAMPLES = """\
examples:
  loadtest run smoke --target demo                  the built-in backend, two workers
  loadtest run market-open-burst --workers 4 --target https://staging.example.com
  loadtest run profiles/my.yaml --users 50 --duration 1m --set load.0.over=5s
  loadtest run --web                                choose and start a profile on http://127.0.0.1:8089

Command line goes before environment, environment before profile. The result is printed and left in DIR/<run id>/,
with the logs of every process. Ctrl-C ends the run in order, with its result; twice leaves at once.
Exit codes: 0 every SLO held, 1 one was breached, 2 bad configuration, 3 no valid result, 4 no target or no workers,
130 interrupted.
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. `web`: the page's port, or None."""

    configuration: Configuration
    workers: int
    out: Path
    run_id: str
    web: int | None

    @property
    def directory(self) -> Path:
        """Where the run leaves its files."""
        return self.out / self.run_id


def _web_port(text: str) -> int:
    try:
        return port_number(text)
    except ArgumentTypeError as problem:
        raise ArgumentTypeError(f"{problem}; a profile goes before --web") from None


def parser(world: World) -> Parser:
    """Return the parser of `loadtest run`."""
    made = Parser("loadtest run", "Run a profile on a cluster of processes on this machine.", EXAMPLES, world.stdout)
    made.add_argument(
        "profile",
        metavar="PROFILE",
        nargs="?",
        help="a path, or the name of a file in LOADTEST_PROFILES, which is ./profiles or else the shipped ones"
        " (default: LOADTEST_PROFILE; may be missing with --web)",
    )
    made.add_argument(
        "--workers",
        metavar="N",
        type=whole_number(1),
        help=f"worker processes (default: {WORKERS}; LOADTEST_WORKERS)",
    )
    add_overrides(made)
    made.add_argument(
        "--web",
        metavar="PORT",
        nargs="?",
        const=FROM_ENVIRON,
        type=_web_port,
        help="serve the web page on 127.0.0.1; a run of PROFILE starts at once, without one the page waits"
        f" (default: no page; PORT {WEB_PORT}; LOADTEST_WEB_PORT)",
    )
    made.add_argument(
        "--baseline", metavar="RUN", help="compare with this run afterwards; a regression ends with 1 (not with --web)"
    )
    made.add_argument(
        "--fail-on", metavar="P", type=percentage, help=f"how much worse a figure may be (default: {100 * FAIL_ON:g}%%)"
    )
    made.add_argument("--out", metavar="DIR", help="where run directories go (default: runs; LOADTEST_OUT)")
    return made


def execute(namespace: Namespace, world: World) -> ExitCode:
    """Run it, from the profile to the exit code."""
    environ = world.environ
    workers = namespace.workers or from_environ(environ, "LOADTEST_WORKERS", WORKERS, whole_number(1))
    web = namespace.web
    if web == FROM_ENVIRON:
        web = from_environ(environ, "LOADTEST_WEB_PORT", WEB_PORT, port_number)
    wanted = namespace.profile or environ.get("LOADTEST_PROFILE") or None
    if wanted is None and web is None:
        raise UsageError(f"which profile? Give a name or a path; {known_profiles(environ)} (see loadtest run --help)")
    configuration = configure(wanted, overrides_in(namespace).over(Overrides.from_environ(environ)), environ)
    name = configuration.profile.name if configuration.profile is not None else "web"
    out = Path(namespace.out or environ.get("LOADTEST_OUT") or "runs")
    baseline = _baseline(namespace, web, out, world)
    if web is not None:
        require_page(web, environ)
    request = Request(configuration, workers, out, run_id(name), web)
    code = _run(request, world)
    if baseline is None or code not in (ExitCode.PASS, ExitCode.FAIL):
        return code
    fail_on = FAIL_ON if namespace.fail_on is None else namespace.fail_on
    compared = compare_runs(baseline, request.directory, fail_on, request.directory, world)
    return compared if code is ExitCode.PASS else code


def _baseline(namespace: Namespace, web: int | None, out: Path, world: World) -> Side | None:
    """Return the run to compare with, which must be there before anything is started. Raises UsageError."""
    if namespace.baseline is None:
        if namespace.fail_on is not None:
            raise UsageError("--fail-on says how much worse than --baseline a run may be: give that as well")
        return None
    if web is not None:
        raise UsageError("--baseline is for one run: leave --web out, and use `loadtest compare` afterwards")
    return read_side(find_run(namespace.baseline, world, out))


def is_finished(directory: Path) -> bool:
    """Return whether a run left its result there, and not just the snapshot that a killed master leaves."""
    try:
        content = json.loads((directory / "summary.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("finished") is True


def run_id(name: str, clock: Clock | None = None) -> str:
    """Return a name that no other run has: when, what, and four random digits."""
    moment = datetime.fromtimestamp((clock or SystemClock()).wall(), UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{name}-{secrets.token_hex(2)}"


def _run(request: Request, world: World) -> ExitCode:
    configuration = request.configuration
    profile = configuration.profile
    hidden = profile.secrets() if profile is not None else frozenset[str]()
    with Children(request.directory / "logs") as children, reserved_port() as port:
        demo = _ready(request, children, world)
        view = _view(world)
        environ = _environ(request, world.environ, demo) | ({STATUS_VARIABLE: "1"} if view is not None else {})
        cluster = Cluster(request.workers, port, request.web, starts=profile is not None)
        _announce(request, demo, world)
        master = children.start(cluster.master(environ))
        workers = [children.start(cluster.worker(number, environ)) for number in range(1, request.workers + 1)]
        watch = Supervision(children, master, workers, world, clean=lambda text: scrub(text, hidden))
        if view is not None:
            watch.view = view
        code = watch.run()
        has_result = profile is None or is_finished(request.directory)
        verdict, sentence = watch.verdict(code, has_result=has_result)
        if sentence:
            world.warn(f"loadtest: {sentence}")
        return verdict


def _view(world: World) -> "View | None":
    """Return a view if there is a terminal that can draw it."""
    if not world.stdout.isatty() or world.environ.get("TERM", "dumb") == "dumb":
        return None
    from loadtest.cli.view import View  # noqa: PLC0415 - a pipeline has no use for it, and starts faster

    return View(world.stdout)


def _environ(request: Request, base: Mapping[str, str], demo: str | None) -> dict[str, str]:
    """Return the environment of the master and the workers. A run that the page starts names itself."""
    environ = request.configuration.environ(base, demo)
    environ |= {"LOADTEST_OUT": str(request.out), "LOADTEST_WORKERS": str(request.workers)}
    if cluster_key(base) is None:  # other users of this machine can reach its ports, too
        environ[CLUSTER_KEY] = new_key()
    environ.pop("LOADTEST_RUN_ID", None)
    if request.configuration.profile is not None:
        environ["LOADTEST_RUN_ID"] = request.run_id
    return environ


def _ready(request: Request, children: Children, world: World) -> str | None:
    """Return when the target answers. Starts the demo backend if that is the target, and returns its URL then."""
    configuration = request.configuration
    targets = configuration.targets() or _common_target(configuration, world)
    demo = None
    if targets == (DEMO,):
        profile = configuration.profile
        token = profile.target.token if profile is not None else world.environ.get("WS_AUTH_TOKEN", "")
        demo = start_demo(children, world.environ, token)
    await_targets((demo,) if demo else targets, children.pause)
    return demo


def _common_target(configuration: Configuration, world: World) -> tuple[str, ...]:
    """Return demo if every profile on the page means it. Else each keeps its own: one must not be sent to another's."""
    found: set[tuple[str, ...]] = set()
    for path in discover(configuration.folder).values():
        try:
            found.add(load_file(path, world.environ).target.urls)
        except ProfileError:
            continue  # the master says what is wrong with it, and leaves it out
    if found == {(DEMO,)}:
        return (DEMO,)
    if (DEMO,) in found:
        world.warn("the profiles have different targets, so no demo backend is started: --target demo has one for all")
    return ()


def _announce(request: Request, demo: str | None, world: World) -> None:
    configuration = request.configuration
    if configuration.profile is not None:
        world.say(str(configuration.profile))
    where = f"{demo} (the demo backend)" if demo else ", ".join(configuration.targets()) or "each profile's own target"
    workers = "1 worker" if request.workers == 1 else f"{request.workers} workers"
    world.say(f"{request.run_id}: {workers} on {where}, logs in {request.directory / 'logs'}")
    if request.web is not None:
        world.say(f"the page: {page_address(request.web, world.environ)}")
