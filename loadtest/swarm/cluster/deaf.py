"""What a worker does when its master is silent: connects anew, goes no further than the plan, and at last gives up."""

import logging
from collections.abc import Callable

import gevent

from loadtest.clock import Clock
from loadtest.errors import ExitCode
from loadtest.swarm.cluster.reports import DEAF_S
from loadtest.swarm.cluster.silence import LOOK_S, Silence
from loadtest.swarm.cluster.worker import LEAVE_S, WorkerSession

__all__ = ["PATIENCE_S", "MasterWatch"]

logger = logging.getLogger(__name__)

PATIENCE_S = 300.0
"""How long a worker goes on without a master before it stops by itself (LOADTEST_MASTER_PATIENCE)."""
MASTER = "master"


class MasterWatch:
    """Told of every message of the master. `reconnect` makes a new connection to it, without losing the identity.

    A new connection, because TCP doubles the time between its attempts: after a cut of 20 s, the old one could take
    another 20 s to notice that the network is back.
    """

    def __init__(
        self, session: WorkerSession, clock: Clock, reconnect: Callable[[], None], patience: float = PATIENCE_S
    ) -> None:
        self.session = session
        self.clock = clock
        self.reconnect = reconnect
        self.patience = patience
        self._silence = Silence(clock.monotonic())
        self._again = DEAF_S
        self.heard()
        session.reports.silent_for = self.silent_for

    def heard(self) -> None:
        """The master has said something."""
        self._silence.heard(MASTER)
        self._again = DEAF_S

    def silent_for(self) -> float:
        """Seconds since the master was heard."""
        return self._silence.of(MASTER)

    def run(self) -> None:
        """Watch, until patience is at an end; then the process ends.

        Raises:
            SystemExit: with the code of an invalid run.
        """
        while self.silent_for() < self.patience:
            gevent.sleep(LOOK_S)
            self._silence.look(self.clock.monotonic())
            if self.silent_for() > self._again:
                logger.warning("the master has been silent for %.0f s; connecting anew", self.silent_for())
                self._again += DEAF_S
                self.reconnect()
            if self.silent_for() > DEAF_S:
                self._end_with_plan()
        self._give_up()

    def _end_with_plan(self) -> None:
        """The load of a run whose master is gone goes no further than its plan."""
        session = self.session
        ends = session.run.ends if session.run is not None else None
        if ends is not None and session.elapsed() > ends + DEAF_S and not session.leaving:
            logger.error("the plan is over and the master does not answer: the users leave, their results are kept")
            gevent.spawn(session.drain, LEAVE_S, float("inf"))
            gevent.sleep(0)  # until it has begun

    def _give_up(self) -> None:
        session = self.session
        logger.error("the master has been silent for %.0f s: this worker stops", self.silent_for())
        if session.run is not None and not session.leaving:
            session.leaving = True
            session.leave(LEAVE_S)
        if len(session.reports.outbox):
            logger.error("%d seconds of its results were never taken", len(session.reports.outbox))
        raise SystemExit(int(ExitCode.INVALID))
