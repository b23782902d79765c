"""What a headless master says while a run goes on: a line now and then for people, or its status for `loadtest run`."""

import logging
from collections.abc import Callable

import gevent
import msgspec

from loadtest.monitor import STATUS_MARK
from loadtest.results import Record
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.conductor import Conductor
from loadtest.swarm.progress import Progress
from loadtest.swarm.runs import Current
from loadtest.swarm.watch import Watch

__all__ = ["tell_progress", "tell_status"]

EVERY_S = 1.0


def tell_progress(conductor: Conductor, say: Callable[[str], None]) -> None:
    """Lines for people, instead of Locust's tables."""
    logging.getLogger("locust.stats_logger").disabled = True
    session = conductor.session
    conductor.on_begin.append(lambda run: _follow(run, session, say))


def _follow(run: Current, session: MasterSession, say: Callable[[str], None]) -> None:
    progress = Progress(run.plan, session.elapsed, lambda: len(session.eligible()))

    def follow(record: Record) -> None:
        if record.run == run.run_id:
            progress.add(record)

    session.on_record.append(follow)
    progress.run(say, until=lambda: run.over)


def tell_status(conductor: Conductor, watch: Watch, say: Callable[[str], None]) -> None:
    """The status as JSON each second, behind STATUS_MARK, for the process that has started us and draws it."""
    logging.getLogger("locust.stats_logger").disabled = True

    def loop(run: Current) -> None:
        while run.verdict is None:
            say(STATUS_MARK + msgspec.json.encode(watch.status()).decode())
            gevent.sleep(EVERY_S)

    conductor.on_begin.append(lambda run: gevent.spawn(loop, run))
