"""What a master knows of its run, and what it leaves of it when it is over. The run's course is the conductor's."""

from dataclasses import dataclass, field
from pathlib import Path

from gevent.event import Event

from loadtest.profiles import Profile
from loadtest.report import RunFacts, to_json, to_text
from loadtest.schedule import Plan
from loadtest.slo import judge
from loadtest.swarm.bundle import RunDirectory
from loadtest.swarm.cluster.master import RunState
from loadtest.verdict import Ending, RunVerdict, decide

__all__ = ["Current", "Settings", "conclude"]


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
    started_at: str = ""
    begun: bool = False
    complete: bool = False
    over: bool = False
    no_workers: bool = False
    verdict: RunVerdict | None = None
    judged: Event = field(default_factory=Event)


def conclude(run: Current, state: RunState, ending: Ending, duration: float, out: Path) -> tuple[RunVerdict, str]:
    """Judge the run, write its directory below `out`, and return the verdict with what to print."""
    slos = tuple(judge(slo, state.summary) for slo in run.profile.slo) if run.profile is not None else ()
    facts = RunFacts(
        run_id=run.run_id,
        profile=run.profile.name if run.profile is not None else None,
        targets=run.targets,
        started_at=run.started_at,
        duration_s=duration,
        verdict=decide(ending, slos, state.summary),
        slos=slos,
        workers=tuple(state.participants),
        missing=ending.missing,
    )
    directory = RunDirectory(out, run.run_id)
    text = to_text(facts, state.summary)
    directory.write_json("summary.json", to_json(facts, state.summary))
    directory.write("summary.txt", text)
    if run.profile is not None:
        directory.write("profile.yaml", run.profile.resolved())
    return facts.verdict, f"{text}\n  {directory.path}/summary.json\n"
