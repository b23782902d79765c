"""What a master knows of its run. The run's course is the conductor's, what is left of it conclusion.py's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gevent.event import Event

from loadtest.clock import Clock
from loadtest.errors import JournalError, UsageError
from loadtest.profiles import Profile
from loadtest.results import Summary
from loadtest.results.journal import Started
from loadtest.schedule import Plan
from loadtest.slo import Abort
from loadtest.swarm.cluster.journal import NAME, Journal, Scan
from loadtest.swarm.cluster.messages import Begin, rates_of
from loadtest.swarm.cluster.state import RunState
from loadtest.swarm.form import Wishes
from loadtest.swarm.resume import Resumption
from loadtest.verdict import RunVerdict

__all__ = ["Current", "Settings", "new_summary", "plan_of", "start_journal", "take_over"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the process was started with."""

    headless: bool
    out: Path
    run_id: str | None = None
    workers: int = 1
    users: int | None = None
    rate: float | None = None
    run_time: float | None = None


@dataclass(slots=True)
class Current:
    """The run that is on or was last."""

    run_id: str
    profile: Profile | None
    plan: Plan | None
    targets: tuple[str, ...]
    wishes: Wishes = field(default_factory=Wishes)
    started_at: str = ""
    begun: bool = False
    complete: bool = False
    over: bool = False
    duration: float = 0.0
    """How long it was, in seconds; known when it is over"""
    deserted: bool = False
    """It ended because no worker was left."""
    no_workers: bool = False
    journal: Journal | None = None
    resumed: Resumption | None = None
    """How another master began it, if one did."""
    aborted: Abort | None = None
    """The SLO that ended it early."""
    verdict: RunVerdict | None = None
    judged: Event = field(default_factory=Event)


def new_summary(run: Current) -> Summary:
    """An empty Summary that knows the run's limits and its plan."""
    summary = Summary(run.run_id, run.profile.limits.values() if run.profile is not None else None)
    if run.plan is not None:
        summary.follow(run.plan.phase_at, run.plan.duration)
    return summary


def start_journal(run: Current, settings: Settings, clock: Clock) -> Journal:
    """Begin the run's journal, with what it takes to go on with the run."""
    journal = Journal(settings.out / run.run_id / NAME, clock)
    started = Started(
        run=run.run_id,
        profile=run.profile.name if run.profile is not None else None,
        targets=list(run.targets),
        started_at=run.started_at,
        wall=clock.wall(),
        digests=run.profile.digests() if run.profile is not None else {},
        users=run.wishes.users or settings.users,
        duration=run.wishes.duration,
        rate=settings.rate,
        run_time=settings.run_time,
    )
    journal.append([started])
    return journal


def plan_of(profile: Profile, users: int | None, duration: float | None, rate: float | None, end: float | None) -> Plan:
    """The profile's plan as it was asked for: scaled, with at most `rate` new users a second, over at `end`.

    Raises:
        UsageError: it is to be scaled, and has no users.
    """
    if users is not None and not profile.plan.peak:
        raise UsageError("there are no users to rescale: every group of the profile has a rate; --set that")
    plan = profile.plan.scaled(users=users, duration=duration)
    if rate is not None:
        plan = plan.capped(rate)
    return plan if end is None else plan.ends_at(end)


def take_over(found: Resumption, profiles: Mapping[str, Profile], clock: Clock) -> tuple[Current, RunState]:
    """Go on with a run that another master began: as far as its journal goes, at the moment where it would be now.

    Raises:
        JournalError: its profile is not here, or is another one by now.
    """
    started = found.started
    profile = profiles.get(started.profile or "")
    if profile is None:
        raise JournalError(f"run {started.run} can't be gone on with: there is no profile {started.profile!r} here")
    digests = profile.digests()
    differing = [section for section, digest in started.digests.items() if digests.get(section) != digest]
    if differing:
        where = ", ".join(differing)
        raise JournalError(f"run {started.run} can't be gone on with: {where} of its profile is not what it was")
    plan = plan_of(profile, started.users, started.duration, started.rate, started.run_time)
    journal = Journal(found.path, clock, size=found.good)
    run = Current(started.run, profile, plan, tuple(started.targets), started_at=started.started_at, resumed=found)
    run.journal = journal
    begin = Begin(started.run, 0.0, list(started.targets), profile.name, rates=rates_of(plan), ends=plan.duration)
    origin = clock.monotonic() - max(0.0, clock.wall() - started.wall)
    state = RunState(begin, origin, new_summary(run), journal, resumed=True)
    state.replay(Scan(found.path))
    return run, state
