"""What ends a headless master before its time, in good order: a signal, or workers that never come.

Locust installs its own handler of SIGTERM only after a headless run is over, waits for workers for ever by default,
and gives up on them with exit code 1, which would read as a breached SLO.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable

from locust.env import Environment
from locust.runners import MasterRunner, Runner

import gevent

from loadtest.clock import Clock
from loadtest.errors import ExitCode
from loadtest.swarm.conductor import Conductor

__all__ = ["guard_resumption", "guard_signals", "guard_workers", "refuse_credentials"]

logger = logging.getLogger(__name__)

LOOK_S = 0.2
WAIT_S = 60
"""How long a headless master waits for its workers, unless --expect-workers-max-wait says otherwise."""


def refuse_credentials(environment: Environment) -> None:
    """End with exit code 2 where --host or a user's host holds a password: logs and reports name targets."""
    hosts = [environment.host, *(user.host for user in environment.user_classes)]
    if any("@" in part.partition("://")[2].partition("/")[0] for host in hosts for part in (host or "").split(",")):
        sys.stderr.write("loadtest: --host, or a user's host, must not hold credentials: send them in a header\n")
        sys.exit(int(ExitCode.BAD_CONFIGURATION))


def guard_signals(runner: Runner, conductor: Conductor) -> None:
    """SIGTERM and SIGINT: the first drains, judges and reports; the second leaves at once."""
    seen: list[int] = []

    def on_signal(number: int) -> None:
        seen.append(number)
        if len(seen) > 1:
            os._exit(int(ExitCode.INTERRUPTED))
        logger.warning("got %s: ending the run; once more leaves at once", signal.Signals(number).name)
        running = conductor.interrupt()
        runner.quit()
        if not running:
            raise SystemExit(int(ExitCode.INTERRUPTED))

    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, on_signal, number)


def guard_workers(runner: MasterRunner, wanted: int, seconds: float, clock: Clock, say: Callable[[str], None]) -> None:
    """End with exit code 4 if fewer than `wanted` workers are there after `seconds`."""
    deadline = clock.monotonic() + seconds

    def watch() -> None:
        while (there := runner.worker_count) < wanted:
            if clock.monotonic() >= deadline:
                say(
                    f"\n  ERROR: {there} of {wanted} workers joined within {seconds:g} s; start more, or ask for fewer"
                    " (--workers, LOADTEST_WORKERS). A worker that was refused is named in the master's log.\n"
                )
                runner.quit()
                raise SystemExit(int(ExitCode.NO_TARGET))
            gevent.sleep(LOOK_S)

    gevent.spawn(watch)


def guard_resumption(environment: Environment, conductor: Conductor, *, headless: bool) -> None:
    """Start a resumed run on a page as well, and judge it by what its journal has if no worker comes back to it."""
    if not headless and environment.runner is not None:
        gevent.spawn_later(0, environment.runner.start_shape)

    def watch() -> None:
        gevent.sleep(WAIT_S)
        run = conductor.current
        if run is None or run.begun:
            return
        logger.error("no worker has come back within %d s", WAIT_S)
        conductor.desert(environment)
        if headless and environment.runner is not None:
            environment.runner.quit()

    gevent.spawn(watch)
