"""The end of a run at the master: every worker is asked for its last Records, until they are there or time is up."""

from collections.abc import Callable

import gevent

from loadtest.clock import Clock
from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.messages import Drain, Link
from loadtest.swarm.cluster.state import RunState

__all__ = ["drain"]

REPEAT_DRAIN_S = 3.0


def drain(run: RunState, link: Link, alive: Callable[[str], bool], clock: Clock, seconds: float) -> list[str]:
    """Wait for the last Records of the participants that are alive; returns those whose never came."""
    run.journal.hurry = True
    deadline = clock.monotonic() + seconds
    repeat = float("-inf")
    while waiting := [worker for worker in run.missing() if alive(worker)]:
        now = clock.monotonic()
        if now >= deadline:
            break
        if now >= repeat:
            repeat = now + REPEAT_DRAIN_S
            for worker in waiting:
                messages.send(link, Drain(run.begin.run), worker)
        gevent.sleep(0.05)
    return run.missing()
