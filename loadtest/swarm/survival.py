"""Ties what survives losses to a Locust process: who is silent, who is lost, and a run that another master began."""

import logging
import sys
from collections.abc import Mapping

from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

import gevent

from loadtest.clock import SystemClock
from loadtest.errors import ExitCode, JournalError
from loadtest.swarm import locust_patches
from loadtest.swarm.cluster.deaf import PATIENCE_S, MasterWatch
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.cluster.roster import LOST_AFTER_S
from loadtest.swarm.cluster.standing import Understanding
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.conductor import Conductor
from loadtest.swarm.resume import find

__all__ = ["resume", "watch_master", "watch_workers"]

logger = logging.getLogger(__name__)

PATIENCE = "LOADTEST_MASTER_PATIENCE"
LOST_AFTER = "LOADTEST_WORKER_LOST_AFTER"


def watch_master(runner: WorkerRunner, session: WorkerSession, environ: Mapping[str, str]) -> None:
    """On a worker: look out for a master that is silent, and be found by one that is new."""
    patience = _seconds(environ, PATIENCE, PATIENCE_S)
    watch = MasterWatch(session, SystemClock(), lambda: locust_patches.reconnect(runner), patience)
    understanding = Understanding(session)
    locust_patches.take_spawn_messages_in_their_order(runner, watch.heard, understanding.may_run)
    understanding.start()
    session.rejoin = lambda: locust_patches.rejoin(runner)
    session.users = lambda: dict(runner.user_classes_count)
    gevent.spawn(watch.run)


def watch_workers(runner: MasterRunner, session: MasterSession, environ: Mapping[str, str]) -> None:
    """On a master: look out for workers that are silent, and tell Locust of those that are lost."""
    session.alive = lambda identity: _alive(runner, identity)
    session.roster.lost_after = _seconds(environ, LOST_AFTER, LOST_AFTER_S)
    session.on_lost.append(lambda identity: _tell_locust(runner, identity))
    locust_patches.let_workers_reconnect(runner)
    locust_patches.screen_workers(runner, lambda who, kind, known: _admits(runner, session, who, kind, known=known))
    gevent.spawn(session.watch)


def resume(environ: Mapping[str, str], conductor: Conductor) -> bool:
    """On a master: go on with a run that another master began, if there is one; whether there was.

    Raises:
        SystemExit: what was asked for is over, or can't be gone on with.
    """
    settings, clock = conductor.settings, SystemClock()
    patience = _seconds(environ, PATIENCE, PATIENCE_S)
    try:
        found = find(environ.get("LOADTEST_RESUME", ""), settings.out, settings.run_id, clock, patience)
        if found is not None:
            conductor.resume(found)
    except JournalError as problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(int(problem.exit_code))
    return found is not None


def _alive(runner: MasterRunner, identity: str) -> bool:
    node = runner.clients.get(identity)
    return node is not None and node.state != STATE_MISSING


def _tell_locust(runner: MasterRunner, identity: str) -> None:
    """What Locust would do about a missing worker, but for ending or restarting the run."""
    node = runner.clients.get(identity)
    if node is None:
        return
    node.state = STATE_MISSING
    node.user_classes_count = {}
    if runner._users_dispatcher is not None:  # noqa: SLF001 - there is no public way
        runner._users_dispatcher.remove_worker(node)  # noqa: SLF001


def _admits(runner: MasterRunner, session: MasterSession, who: str, kind: str, *, known: bool) -> bool:
    """Whether Locust may see a message.

    It ends the run, and a headless master as well, when the last worker quits: even one that waits for others.
    """
    admitted = session.admits(who, kind, known=known)
    if kind != "quit":
        return admitted
    node = runner.clients.get(who)
    if node is not None:
        if session.run is None or not session.run.over:
            logger.warning("worker %s has left: it was asked to end", who)
        del runner.clients[who]
        if runner._users_dispatcher is not None:  # noqa: SLF001 - there is no public way
            runner._users_dispatcher.remove_worker(node)  # noqa: SLF001
    return False


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    """A variable that holds seconds.

    Raises:
        SystemExit: it does not.
    """
    text = environ.get(name, "").strip()
    try:
        seconds = float(text) if text else default
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        sys.stderr.write(f"{name}: {text!r} is not a number of seconds above 0\n")
        raise SystemExit(int(ExitCode.BAD_CONFIGURATION))
    return seconds
