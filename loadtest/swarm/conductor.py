"""The master's run from start to verdict: which profile, who takes part, where the users should be, how it ended.

It listens to Locust's events and follows the plan; the cluster's messages are MasterSession's, placing is the
Dispatcher's, judging is verdict.py's.
"""

import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from locust.env import Environment

from loadtest.clock import Clock
from loadtest.errors import LoadtestError, TargetError, UsageError
from loadtest.report import duration_text
from loadtest.results import Record
from loadtest.results.journal import Resumed
from loadtest.rundir import RunDirectory
from loadtest.swarm import aborting
from loadtest.swarm.catalog import Catalog
from loadtest.swarm.cluster.journal import Scan
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.cluster.messages import rates_of
from loadtest.swarm.cluster.waiting import wait_for
from loadtest.swarm.conclusion import Conclusion
from loadtest.swarm.form import Wishes
from loadtest.swarm.resume import Resumption
from loadtest.swarm.runs import Current, Settings, new_summary, plan_of, start_journal, take_over
from loadtest.verdict import Ending, RunVerdict

__all__ = ["Conductor"]

logger = logging.getLogger(__name__)

JOIN_S = 10.0
"""How long a start waits for the workers that Locust counts to say hello."""
REJOIN_S = 15.0
"""How long a resumed run waits for its workers before it gives those up that have not said hello."""
DRAIN_S = 45.0
"""How long the end waits for the last Records: a worker's users get 20 s to finish, its Records 20 s to arrive."""


class Conductor:
    """One run at a time: `begin_if_asked` (from the shape), `started` and `stopping` (from Locust's events).

    `say` prints for people. Where the users should be is `course`.
    """

    def __init__(
        self,
        session: MasterSession,
        catalog: Catalog,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self.session = session
        self.catalog = catalog
        self.settings = settings
        self.clock = clock
        self.say: Callable[[str], None] = lambda _text: None
        self.wishes: Callable[[], Wishes] = Wishes
        self.on_begin: list[Callable[[Current], None]] = []
        self.settled: Callable[[], bool] = lambda: True
        """Whether every worker is done with the last run."""
        self.interrupted = False
        self.current: Current | None = None
        self._conclusion: Conclusion | None = None

    # -- the shape asks once a second ---------------------------------------------------------------------------------

    def begin_if_asked(self) -> tuple[int, bool] | None:
        """(peak users, whether the dispatch has begun) of the run to do; None when there is nothing more to do."""
        run = self.current
        if run is not None and run.verdict is None:
            return None if run.complete or run.deserted or run.aborted is not None else (self._peak(run), run.begun)
        if run is not None and self.settings.headless:
            return None
        if run is not None:
            # a worker that has yet to hear Locust's "stop" of the last run would stop the users of this one
            wait_for(self.settled, self.session.changed, self.clock, JOIN_S)
        try:
            self.current = self._prepare()
        except LoadtestError as problem:
            logger.error("the run was not started: %s", problem)  # noqa: TRY400 - the user's mistake, not ours
            return None
        return (self._peak(self.current), False)

    @staticmethod
    def _peak(run: Current) -> int:
        return run.plan.peak + run.plan.connections if run.plan is not None else 0

    def _prepare(self) -> Current:
        wishes = self.wishes()
        name = wishes.profile or self.catalog.chosen
        if name is None or name not in self.catalog.profiles:
            known = ", ".join(sorted(self.catalog.profiles)) or "none"
            raise UsageError(f"no profile was chosen; set LOADTEST_PROFILE to one of: {known}")
        profile = self.catalog.profiles[name]
        targets = wishes.targets or profile.target.urls
        if "demo" in targets:
            raise TargetError(
                "the target is 'demo', but no demo backend was started: use `loadtest run`,"
                " or give the target by --host or LOADTEST_TARGET"
            )
        given = self.settings
        plan = plan_of(profile, wishes.users or given.users, wishes.duration, given.rate, given.run_time)
        return Current(self._new_id(name), profile, plan, tuple(targets), wishes)

    def _new_id(self, name: str) -> str:
        if self.settings.run_id is not None and self.current is None:
            return self.settings.run_id
        stamp = datetime.fromtimestamp(self.clock.wall(), UTC).strftime("%Y%m%dT%H%M%SZ")
        return f"{stamp}-{name}-{secrets.token_hex(2)}"

    # -- Locust's events ----------------------------------------------------------------------------------------------

    def started(self, environment: Environment, **_: Any) -> None:
        """`test_start`: every worker learns of the run before its first user."""
        run = self.current
        if run is None or run.over or run.begun:
            host = environment.host or ""
            run = self.current = Current(self._new_id("locustfile"), None, None, tuple(host.split(",")) if host else ())
        if run.resumed is not None:
            self._go_on(run, run.resumed)
            return
        # who has connected to Locust says hello within a moment: without it the first one would get everybody's users
        connected = getattr(environment.runner, "worker_count", 1)
        wanted = self.settings.workers if self.settings.headless else max(1, connected)
        if not self.session.await_workers(wanted, JOIN_S):
            run.no_workers = not self.session.eligible()
        run.started_at = datetime.fromtimestamp(self.clock.wall(), UTC).isoformat(timespec="milliseconds")
        run.journal = start_journal(run, self.settings, self.clock)
        name = run.profile.name if run.profile is not None else None
        ends = run.plan.duration if run.plan is not None else None
        rates = rates_of(run.plan) if run.plan is not None else {}
        summary = new_summary(run)
        self.session.begin(run.run_id, list(run.targets), name, run.journal, rates, summary=summary, ends=ends)
        self._begun(run)

    def resume(self, found: Resumption) -> None:
        """Take a run over that another master began. The workers in the middle of it may say hello from now on.

        Raises:
            JournalError: it can't be gone on with.
        """
        self.current, state = take_over(found, self.catalog.profiles, self.clock)
        self.session.resume(state)
        logger.warning("going on with run %s, %.1f s after its begin", self.current.run_id, self.session.elapsed())

    def _go_on(self, run: Current, found: Resumption) -> None:
        self.session.await_rejoined(REJOIN_S)
        if run.journal is not None:
            run.journal.append([Resumed(max(self.session.elapsed(), 0.0))])
        self._begun(run)
        entries = Scan(found.path, limit=found.good)
        self.session.gate.open(entry for entry in entries if isinstance(entry, Record))

    def _begun(self, run: Current) -> None:
        state = self.session.run
        if state is None:
            raise AssertionError("a run that has begun has a state")
        aborting.watch(run, state, self.session.elapsed, self.session.changed.set)
        self._conclusion = Conclusion(run, state, RunDirectory(self.settings.out / run.run_id))
        self._conclusion.begin(self.session.elapsed)
        run.begun = True
        for listener in self.on_begin:
            listener(run)

    def desert(self, environment: Environment) -> None:
        """No worker has come back to a resumed run: judge what its journal has."""
        run = self.current
        if run is not None and not run.begun:
            run.deserted = True
            self.session.await_rejoined(0.0)
            self._begun(run)
            self.stopping(environment)

    def stopping(self, environment: Environment, **_: Any) -> None:
        """`test_stopping`: drain, judge, report. Locust waits for it; what it sends the workers comes after."""
        run = self.current
        if run is None or not run.begun:
            return
        if run.over:  # a second stop, while the first drains: Locust must not send its quit messages yet
            run.judged.wait()
            return
        duration = run.duration = self.session.elapsed()
        run.over = True
        missing = self.session.drain(DRAIN_S)
        early = run.plan is not None and not run.complete and not run.deserted and run.aborted is None
        ending = Ending(
            deserted=run.deserted,
            void_if_lost=run.profile is not None and run.profile.on_worker_loss == "invalidate",
            interrupted=self.interrupted or (early and self.settings.headless),
            no_workers=run.no_workers,
            missing=tuple(missing),
            stopped=self._how_far(run, duration) if early and not self.settings.headless else "",
            aborted=f"{self._how_far(run, duration)}: {run.aborted}" if run.aborted is not None else "",
        )
        run.verdict = self._conclude(ending, duration, environment)
        if run.profile is not None or run.verdict.name not in ("pass", "fail"):
            environment.process_exit_code = int(run.verdict.exit_code)
        run.judged.set()

    def _conclude(self, ending: Ending, duration: float, environment: Environment) -> RunVerdict:
        if self._conclusion is None:
            raise AssertionError("a run that has begun can be concluded")
        verdict, text = self._conclusion.conclude(ending, duration, environment)
        self.say(text)
        return verdict

    @staticmethod
    def _how_far(run: Current, duration: float) -> str:
        whole = run.plan.duration if run.plan is not None else duration
        return f"after {duration_text(duration)} of {duration_text(whole)}"

    def interrupt(self) -> bool:
        """A signal came; whether there is a run to end (or one that is just ending)."""
        run = self.current
        if run is None or not run.begun:
            return False
        self.interrupted = self.interrupted or not (run.complete or run.aborted)
        return True

    def quitting(self, environment: Environment, **_: Any) -> None:
        """`quitting`: a signal came, or the run is over and the process ends."""
        run = self.current
        if run is not None and run.begun:
            if not run.over and not run.deserted:
                self.interrupt()
            self.stopping(environment)
