"""Ties the parts to a Locust process: what runs on a master, on a worker, and (with plain `locust`) on both in one."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from locust import argument_parser
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import STATE_INIT, STATE_RUNNING, STATE_SPAWNING, LocalRunner, MasterRunner, Runner, WorkerRunner
from locust.web import WebUI

import gevent
from flask import Flask

from loadtest.clock import SystemClock
from loadtest.credentials import cluster_key, without_key_allowed
from loadtest.dashboard import api, live_page, page_state, start_form, tabs
from loadtest.dashboard.shield import alive, headers, same_site, start_fields
from loadtest.errors import UsageError
from loadtest.monitor import STATUS_VARIABLE
from loadtest.profiles.target import read_urls
from loadtest.swarm import control_port, guards, locust_patches, page_login, page_server, survival, voice
from loadtest.swarm.allowed_targets import Allowed
from loadtest.swarm.catalog import Catalog
from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.cluster.reports import RECORDS
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.conductor import Conductor
from loadtest.swarm.course import PlanCourse
from loadtest.swarm.dispatch import dispatcher_for
from loadtest.swarm.form import add_options, wishes_from
from loadtest.swarm.health import raise_descriptor_limit
from loadtest.swarm.names import class_name
from loadtest.swarm.runs import Settings
from loadtest.swarm.sessions import LocalSession, attach
from loadtest.swarm.shape import ProfileShape
from loadtest.swarm.state_file import StateFile
from loadtest.swarm.tables import Tables
from loadtest.swarm.watch import Watch

__all__ = ["Wiring"]

LOCAL = "local"
"""The identity that Locust's LocalRunner gives its one worker."""

FROM_WORKERS = (messages.Hello, messages.Leaving, messages.ClockAsk, messages.Standing)
FROM_MASTER = (
    messages.Welcome,
    messages.Refused,
    messages.Rejoin,
    messages.Begin,
    messages.Ack,
    messages.Drain,
    messages.TakeTurn,
    messages.ClockTell,
)


class Wiring:
    """Listens to Locust's `init_command_line_parser` and `init`; `catalog` is set by the locustfile before `init`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.catalog = Catalog()
        self.environ = environ

    def on_parser(self, parser: LocustArgumentParser, **_: Any) -> None:
        """`init_command_line_parser`: our fields of the start form. Locust's control socket is not made yet."""
        try:
            control_port.install(cluster_key(self.environ), open_without_key=without_key_allowed(self.environ))
        except UsageError as problem:
            sys.stderr.write(f"{problem}\n")
            sys.exit(int(problem.exit_code))
        add_options(parser, list(self.catalog.profiles), self.catalog.chosen)

    def on_init(self, environment: Environment, runner: Runner, web_ui: WebUI | None, **_: Any) -> None:
        """`init`: the runner exists; nothing has started yet."""
        guards.refuse_credentials(environment)
        raise_descriptor_limit()
        control_port.expect(runner.custom_messages)
        locust_patches.apply(environment)
        if isinstance(runner, MasterRunner | LocalRunner):
            self._wire_master(environment, runner, web_ui)
        if isinstance(runner, WorkerRunner | LocalRunner):
            self._wire_worker(environment, runner)

    def _wire_worker(self, environment: Environment, runner: WorkerRunner | LocalRunner) -> None:
        identity = LOCAL if isinstance(runner, LocalRunner) else runner.client_id
        session = WorkerSession(runner, SystemClock(), identity, self.catalog.digests())
        local = LocalSession(environment, session, self.catalog)
        attach(environment, local)
        for kind in FROM_MASTER:
            runner.register_message(messages.name_of(kind), _from_master(session, kind))
        if isinstance(runner, WorkerRunner):
            survival.watch_master(runner, session, self.environ)
            environment.events.quitting.add_listener(lambda **_: local.quit())
        if path := self.environ.get("LOADTEST_STATE_FILE"):
            StateFile(Path(path), lambda: "joined" if session.joined else "waiting").start()
        session.join()

    def _wire_master(self, environment: Environment, runner: MasterRunner | LocalRunner, web_ui: WebUI | None) -> None:
        options = environment.parsed_options
        session = MasterSession(runner, SystemClock(), self.catalog.digests())
        if isinstance(runner, MasterRunner):
            survival.watch_workers(runner, session, self.environ)
        conductor = Conductor(session, self.catalog, self._settings(environment, web_ui), SystemClock())
        course = PlanCourse(conductor, class_name)
        for kind in FROM_WORKERS:
            runner.register_message(messages.name_of(kind), _from_worker(session, kind))
        runner.register_message(RECORDS, lambda environment, msg: session.on_records(msg.node_id, msg.data))  # noqa: ARG005 - Locust's signature
        shown = Tables(environment.stats, every_second=getattr(options, "stats_history_enabled", False))
        session.on_record.append(lambda record: shown.fill(record, SystemClock.wall()))
        gevent.spawn(_settle_for_ever, shown)
        conductor.wishes = lambda: wishes_from(_options(environment), environment.host)
        conductor.settled = lambda: _settled(runner, session)
        course.on_placed = lambda wanted, steady: _show(runner, wanted, steady=steady)
        events = environment.events
        events.test_start.add_listener(conductor.started)
        events.test_stopping.add_listener(conductor.stopping)
        events.quitting.add_listener(conductor.quitting)
        events.quitting.add_listener(control_port.tell_all)
        watch = Watch(conductor, SystemClock(), lambda: _states(runner))
        session.on_record.append(watch.add)
        conductor.on_begin.append(watch.begin)
        self._wire_voice(environment, conductor, watch, page=web_ui is not None)
        if web_ui is not None and web_ui.app is not None:
            self._wire_page(environment, web_ui, web_ui.app, watch)
        resumed = isinstance(runner, MasterRunner) and survival.resume(self.environ, conductor)
        if web_ui is None:
            self._wire_guards(environment, runner, conductor, resumed=resumed)
        if isinstance(environment.shape_class, ProfileShape):
            environment.shape_class.stage = conductor
            type(environment.shape_class).use_common_options = web_ui is None
            environment.dispatcher_class = dispatcher_for(course)  # type: ignore[assignment]
        if resumed:
            guards.guard_resumption(environment, conductor, headless=web_ui is None)

    def _wire_page(self, environment: Environment, web_ui: WebUI, app: Flask, watch: Watch) -> None:
        base_path = (getattr(environment.parsed_options, "web_base_path", "") or "").rstrip("/")
        headers.install(app)
        same_site.install(app, web_ui.host)
        alive.install(app, base_path)
        try:
            page_login.install(app, web_ui, self.environ, base_path, _print)
            watch.refused = page_server.install(web_ui, self.environ)
            allowed = Allowed.read(self.catalog.profiles, self.environ, environment.host)
        except UsageError as problem:  # Locust would drop it, and serve the page unguarded
            sys.stderr.write(f"loadtest: {problem}\n")
            sys.exit(int(problem.exit_code))
        if self.catalog.profiles:
            start_form.install(app, base_path)
            offered = argument_parser.ui_extra_args_dict()
            start_fields.install(app, offered, allowed.of, read_urls, base_path)
        page_state.install(app, base_path)
        guard = web_ui.auth_required_if_enabled
        api.install(app, watch, watch.conductor.settings.out, guard, base_path)
        live_page.install(app, guard, base_path)
        tabs.install(app, web_ui.template_args, watch.status, base_path)

    @staticmethod
    def _wire_guards(environment: Environment, runner: Runner, conductor: Conductor, *, resumed: bool) -> None:
        guards.guard_signals(runner, conductor)
        options = environment.parsed_options
        if resumed and options is not None:  # workers in the middle of a run are never "ready", as Locust calls it
            options.expect_workers = options.expect_workers_max_wait = 0
            return
        if isinstance(runner, MasterRunner) and options is not None:
            seconds = options.expect_workers_max_wait or guards.WAIT_S
            options.expect_workers_max_wait = 0  # Locust's own, which ends with 1
            guards.guard_workers(runner, options.expect_workers, seconds, SystemClock(), _print)

    def _settings(self, environment: Environment, web_ui: WebUI | None) -> Settings:
        options = environment.parsed_options
        environ = self.environ
        return Settings(
            headless=web_ui is None,
            out=Path(environ.get("LOADTEST_OUT") or "runs"),
            run_id=environ.get("LOADTEST_RUN_ID") or None,
            workers=getattr(options, "expect_workers", 1) if getattr(options, "master", False) else 1,
            users=getattr(options, "num_users", None),
            rate=getattr(options, "spawn_rate", None),
            run_time=getattr(options, "run_time", None),
        )

    def _wire_voice(self, environment: Environment, conductor: Conductor, watch: Watch, *, page: bool) -> None:
        """Print progress and the result. With --only-summary ours stand instead of Locust's tables."""
        conductor.say = _print
        if self.environ.get(STATUS_VARIABLE):
            voice.tell_status(conductor, watch, _print)
        elif not page and getattr(environment.parsed_options, "only_summary", False):
            voice.tell_progress(conductor, _print)


def _settle_for_ever(shown: Tables) -> None:
    while True:
        gevent.sleep(1.0)
        shown.settle()


def _options(environment: Environment) -> dict[str, Any]:
    return dict(vars(environment.parsed_options)) if environment.parsed_options is not None else {}


def _print(text: str) -> None:
    print(text, file=sys.stdout, flush=True)  # noqa: T201 - the console is this process's voice


def _states(runner: MasterRunner | LocalRunner) -> dict[str, str]:
    """Worker -> state, as Locust has it."""
    if isinstance(runner, LocalRunner):
        return {LOCAL: runner.state}
    return {node.id: node.state for node in runner.clients.values()}


def _settled(runner: MasterRunner | LocalRunner, session: MasterSession) -> bool:
    """Whether every worker has stopped, as Locust has it, and has said that it is ready again."""
    if isinstance(runner, LocalRunner):
        return True
    states = _states(runner)
    members = (member for member in session.roster.members.values() if not member.leaving and not member.lost)
    return all(states.get(member.identity) == STATE_INIT for member in members)


def _show(runner: Runner, wanted: int, *, steady: bool) -> None:
    """Locust's page shows a target and a state; its start() would set them only at the very end of the dispatch."""
    runner.target_user_count = wanted
    runner.update_state(STATE_RUNNING if steady else STATE_SPAWNING)


def _from_master(session: WorkerSession, kind: type[Any]) -> Callable[..., None]:
    def listen(msg: Any, **_: Any) -> None:
        session.receive(kind, msg.data)

    return listen


def _from_worker(session: MasterSession, kind: type[Any]) -> Callable[..., None]:
    def listen(msg: Any, **_: Any) -> None:
        session.receive(kind, msg.node_id, msg.data)

    return listen
