"""What a master that goes on with a run does about workers of it: waits for them, and tells which must begin anew."""

import logging
from collections.abc import Callable

from gevent.event import Event

from loadtest.clock import Clock
from loadtest.swarm.cluster.roster import Member
from loadtest.swarm.cluster.state import RunState
from loadtest.swarm.cluster.waiting import wait_for

__all__ = ["await_rejoined", "has_to_begin_anew"]

logger = logging.getLogger(__name__)


def await_rejoined(
    run: RunState | None, changed: Event, clock: Clock, seconds: float, elapsed: Callable[[], float]
) -> None:
    """Block until every worker of a resumed run has said hello; give up those that have not after `seconds`."""
    if run is None:
        return
    wait_for(lambda: not run.awaited, changed, clock, seconds)
    for identity in sorted(run.awaited):
        logger.error("worker %s has not come back within %.0f s and is lost", identity, seconds)
        run.give_up(identity, max(elapsed(), 0.0))


def has_to_begin_anew(run: RunState, member: Member, elapsed: float) -> bool:
    """Whether a worker that may take users has reported its last Record, in a run that is not over."""
    if member.lost or member.leaving or not run.is_complete(member.identity) or run.over:
        return False
    return run.begin.ends is None or elapsed < run.begin.ends
