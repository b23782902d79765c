"""Ends a run early when one of its SLOs says so. Judging is slo's, ending the conductor's: it asks `run.aborted`."""

import logging
from collections.abc import Callable

import gevent

from loadtest.profiles import has_plateau
from loadtest.slo import AbortWatch
from loadtest.swarm.cluster.state import RunState
from loadtest.swarm.runs import Current

__all__ = ["watch"]

logger = logging.getLogger(__name__)

LOOK_S = 1.0
REPORTED_S = 3
"""After so many seconds, what a worker saw in a second has come, unless it is late."""


def watch(run: Current, state: RunState, elapsed: Callable[[], float], then: Callable[[], None]) -> gevent.Greenlet:
    """Look once a second until the run is over; `then` is called once `run.aborted` is set."""
    slos = run.profile.slo if run.profile is not None else ()
    thresholds = AbortWatch(slos, plateau=run.plan is not None and has_plateau(run.plan))

    def loop() -> None:
        while thresholds.thresholds and not (run.over or run.complete):
            gevent.sleep(LOOK_S)
            second = int(elapsed()) - REPORTED_S
            if second < 0 or run.over or run.complete:
                continue
            run.aborted = thresholds.look(state.summary, second)
            if run.aborted is not None:
                logger.warning("an SLO ends the run early: %s", run.aborted)
                then()
                return

    return gevent.spawn(loop)
