"""Ties the parts to a Locust process: what runs on a master, on a worker, and (with plain `locust`) on both in one."""

import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import STATE_MISSING, STATE_RUNNING, STATE_SPAWNING, LocalRunner, MasterRunner, Runner, WorkerRunner
from locust.web import WebUI

from loadtest.clock import SystemClock
from loadtest.dashboard import page_state, start_form
from loadtest.results import Record
from loadtest.swarm import guards, locust_patches, tables
from loadtest.swarm.catalog import Catalog
from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.cluster.worker import RECORDS, WorkerSession
from loadtest.swarm.conductor import Conductor
from loadtest.swarm.dispatch import dispatcher_for
from loadtest.swarm.form import add_options, wishes_from
from loadtest.swarm.health import raise_descriptor_limit
from loadtest.swarm.names import class_name
from loadtest.swarm.progress import Progress
from loadtest.swarm.runs import Current, Settings
from loadtest.swarm.sessions import LocalSession, attach
from loadtest.swarm.shape import ProfileShape

__all__ = ["Wiring"]

LOCAL = "local"
"""The identity that Locust's LocalRunner gives its one worker."""

FROM_WORKERS = (messages.Hello, messages.Leaving)
FROM_MASTER = (messages.Welcome, messages.Refused, messages.Begin, messages.Ack, messages.Drain)


class Wiring:
    """Listens to Locust's `init_command_line_parser` and `init`; `catalog` is set by the locustfile before `init`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.catalog = Catalog()
        self.environ = environ

    def on_parser(self, parser: LocustArgumentParser, **_: Any) -> None:
        """`init_command_line_parser`: our fields of the start form."""
        add_options(parser, list(self.catalog.profiles), self.catalog.chosen)

    def on_init(self, environment: Environment, runner: Runner, web_ui: WebUI | None, **_: Any) -> None:
        """`init`: the runner exists; nothing has started yet."""
        raise_descriptor_limit()
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
            environment.events.quitting.add_listener(lambda **_: local.quit())
        session.join()

    def _wire_master(self, environment: Environment, runner: MasterRunner | LocalRunner, web_ui: WebUI | None) -> None:
        session = MasterSession(runner, SystemClock(), self.catalog.digests())
        if isinstance(runner, MasterRunner):
            session.alive = lambda identity: _alive(runner, identity)
        conductor = Conductor(session, self.catalog, self._settings(environment, web_ui), SystemClock(), class_name)
        for kind in FROM_WORKERS:
            runner.register_message(messages.name_of(kind), _from_worker(session, kind))
        runner.register_message(RECORDS, lambda environment, msg: session.on_records(msg.node_id, msg.data))  # noqa: ARG005 - Locust's signature
        session.on_record.append(lambda record: tables.fill(environment.stats, record, SystemClock.wall()))
        conductor.wishes = lambda: wishes_from(_options(environment), environment.host)
        conductor.on_placed = lambda wanted, steady: _show(runner, wanted, steady=steady)
        self._wire_voice(environment, conductor, web_ui)
        events = environment.events
        events.test_start.add_listener(conductor.started)
        events.test_stopping.add_listener(conductor.stopping)
        events.quitting.add_listener(conductor.quitting)
        if web_ui is not None and web_ui.app is not None and self.catalog.profiles:
            base_path = getattr(environment.parsed_options, "web_base_path", "")
            start_form.install(web_ui.app, base_path)
            page_state.install(web_ui.app, base_path)
        if web_ui is None:
            self._wire_guards(environment, runner, conductor)
        if isinstance(environment.shape_class, ProfileShape):
            environment.shape_class.stage = conductor
            type(environment.shape_class).use_common_options = web_ui is None
            environment.dispatcher_class = dispatcher_for(conductor)  # type: ignore[assignment]

    @staticmethod
    def _wire_guards(environment: Environment, runner: Runner, conductor: Conductor) -> None:
        guards.guard_signals(runner, conductor)
        options = environment.parsed_options
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

    @staticmethod
    def _wire_voice(environment: Environment, conductor: Conductor, web_ui: WebUI | None) -> None:
        """Print progress and the result. With --only-summary ours stand instead of Locust's tables."""
        conductor.say = _print
        if web_ui is not None or not getattr(environment.parsed_options, "only_summary", False):
            return
        logging.getLogger("locust.stats_logger").disabled = True
        session = conductor.session

        def begin(run: Current) -> None:
            progress = Progress(run.plan, session.elapsed, lambda: len(session.eligible()))

            def follow(record: Record) -> None:
                if record.run == run.run_id:
                    progress.add(record)

            session.on_record.append(follow)
            progress.run(_print, until=lambda: run.over)

        conductor.on_begin.append(begin)


def _options(environment: Environment) -> dict[str, Any]:
    return dict(vars(environment.parsed_options)) if environment.parsed_options is not None else {}


def _print(text: str) -> None:
    print(text, file=sys.stdout, flush=True)  # noqa: T201 - the console is this process's voice


def _alive(runner: MasterRunner, identity: str) -> bool:
    node = runner.clients.get(identity)
    return node is not None and node.state != STATE_MISSING


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
