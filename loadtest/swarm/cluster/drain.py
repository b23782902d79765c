"""The end of a run at the master: every worker is asked for its last Records, until they are there or time is up."""

from collections.abc import Callable

import gevent

from loadtest.clock import Clock
from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.messages import Drain, Link
from loadtest.swarm.cluster.state import RunState

__all__ = ["drain"]

REPEAT_DRAIN_S = 3.0


def drain(run: RunState, link: Link, may_answer: Callable[[str], bool], clock: Clock, seconds: float) -> list[str]:
    """Wait for the last Records of the participants that may answer, also of those that were given up.

    Returns those whose never came, and that nobody gave up.
    """
    run.journal.hurry = run.draining = True
    deadline = clock.monotonic() + seconds
    repeat = float("-inf")
    while waiting := [worker for worker in run.participants if run.is_owing(worker) and may_answer(worker)]:
        now = clock.monotonic()
        if now >= deadline:
            break
        if now >= repeat:
            repeat = now + REPEAT_DRAIN_S
            for worker in waiting:
                messages.send(link, Drain(run.begin.run), worker)
        gevent.sleep(0.05)
    run.draining = False
    return run.missing()
