"""The master's run from start to verdict: which profile, who takes part, where the users should be, how it ended.

It listens to Locust's events and follows the plan; the cluster's messages are MasterSession's, placing is the
Dispatcher's, judging is verdict.py's.
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from locust.env import Environment

from gevent.event import Event

from loadtest.clock import Clock
from loadtest.errors import LoadtestError, TargetError, UsageError
from loadtest.profiles import Profile
from loadtest.report import duration_text
from loadtest.schedule import Plan
from loadtest.swarm.catalog import Catalog
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.form import Wishes
from loadtest.swarm.runs import Current, Settings, conclude
from loadtest.verdict import Ending, RunVerdict

__all__ = ["Conductor"]

logger = logging.getLogger(__name__)

JOIN_S = 10.0
"""How long a start waits for the workers that Locust counts to say hello."""
DRAIN_S = 45.0
"""How long the end waits for the last Records: a worker's users get 20 s to finish, its Records 20 s to arrive."""


class Conductor:
    """One run at a time: `begin_if_asked` (from the shape), `started` and `stopping` (from Locust's events).

    It is the Course that the dispatcher follows. `say` prints for people; `class_name` maps a profile's group to the
    Locust user class that runs it.
    """

    def __init__(
        self,
        session: MasterSession,
        catalog: Catalog,
        settings: Settings,
        clock: Clock,
        class_name: Callable[[str, str], str],
    ) -> None:
        self.session = session
        self.catalog = catalog
        self.settings = settings
        self.clock = clock
        self.class_name = class_name
        self.say: Callable[[str], None] = lambda _text: None
        self.wishes: Callable[[], Wishes] = Wishes
        self.on_begin: list[Callable[[Current], None]] = []
        self.on_placed: Callable[[int, bool], None] = lambda _wanted, _steady: None
        self.interrupted = False
        self.current: Current | None = None

    # -- the shape asks once a second ---------------------------------------------------------------------------------

    def begin_if_asked(self) -> tuple[int, bool] | None:
        """(peak users, whether the dispatch has begun) of the run to do; None when there is nothing more to do."""
        run = self.current
        if run is not None and run.verdict is None:
            return None if run.complete else (self._peak(run), run.begun)
        if run is not None and self.settings.headless:
            return None
        try:
            self.current = self._prepare()
        except LoadtestError as problem:
            logger.error("the run was not started: %s", problem)  # noqa: TRY400 - the user's mistake, not ours
            return None
        return (self._peak(self.current), False)

    @staticmethod
    def _peak(run: Current) -> int:
        return run.plan.peak if run.plan is not None else 0

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
        plan = self._plan(profile, wishes)
        return Current(self._new_id(name), profile, plan, tuple(targets))

    def _plan(self, profile: Profile, wishes: Wishes) -> Plan:
        settings = self.settings
        plan = profile.plan.scaled(users=wishes.users or settings.users, duration=wishes.duration)
        if settings.rate is not None:
            plan = plan.capped(settings.rate)
        return plan if settings.run_time is None else plan.ends_at(settings.run_time)

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
        if not self.session.await_workers(self.settings.workers if self.settings.headless else 1, JOIN_S):
            run.no_workers = not self.session.eligible()
        run.started_at = datetime.fromtimestamp(self.clock.wall(), UTC).isoformat(timespec="milliseconds")
        self.session.begin(run.run_id, list(run.targets), run.profile.name if run.profile is not None else None)
        run.begun = True
        for listener in self.on_begin:
            listener(run)

    def stopping(self, environment: Environment, **_: Any) -> None:
        """`test_stopping`: drain, judge, report. Locust waits for it; what it sends the workers comes after."""
        run = self.current
        if run is None or not run.begun:
            return
        if run.over:  # a second stop, while the first drains: Locust must not send its quit messages yet
            run.judged.wait()
            return
        run.over = True
        duration = self.session.elapsed()
        missing = self.session.drain(DRAIN_S)
        early = run.plan is not None and not run.complete
        ending = Ending(
            interrupted=self.interrupted or (early and self.settings.headless),
            no_workers=run.no_workers,
            missing=tuple(missing),
            stopped=self._how_far(run, duration) if early and not self.settings.headless else "",
        )
        run.verdict = self._conclude(run, ending, duration)
        if run.profile is not None or run.verdict.name not in ("pass", "fail"):
            environment.process_exit_code = int(run.verdict.exit_code)
        run.judged.set()

    def _conclude(self, run: Current, ending: Ending, duration: float) -> RunVerdict:
        state = self.session.run
        if state is None:
            raise AssertionError("a run that has begun has a state")
        verdict, text = conclude(run, state, ending, duration, self.settings.out)
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
        self.interrupted = self.interrupted or not run.complete
        return True

    def quitting(self, environment: Environment, **_: Any) -> None:
        """`quitting`: a signal came, or the run is over and the process ends."""
        run = self.current
        if run is not None and run.begun:
            if not run.over:
                self.interrupt()
            self.stopping(environment)

    # -- the dispatcher's Course --------------------------------------------------------------------------------------

    @property
    def changed(self) -> Event:
        """Set when workers come or go."""
        return self.session.changed

    def users(self) -> Mapping[str, int] | None:
        """User class -> users wanted now; None once the plan is over."""
        run = self.current
        if run is None or run.plan is None or run.profile is None or run.over:
            return None
        elapsed = self.session.elapsed()
        if elapsed >= run.plan.duration:
            run.complete = True
            return None
        name = run.profile.name
        return {self.class_name(name, group): users for group, users in run.plan.users_at(elapsed).items()}

    def wait(self) -> float:
        """Seconds until the plan wants other numbers."""
        run = self.current
        if run is None or run.plan is None:
            return 0.0
        elapsed = self.session.elapsed()
        change = run.plan.next_change(elapsed)
        return (run.plan.duration if change is None else min(change, run.plan.duration)) - elapsed

    def workers(self) -> list[str]:
        """Who may take users."""
        return self.session.eligible()

    def placed(self, wanted: int, *, steady: bool) -> None:
        """Passed on to whom it concerns (Locust's page shows a state and a target)."""
        self.on_placed(wanted, steady)
