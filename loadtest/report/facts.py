"""What is said of a run beside what was measured."""

from dataclasses import dataclass, field
from typing import NamedTuple

from loadtest.limits import Limits
from loadtest.results.timeline import Phase
from loadtest.slo import Verdict
from loadtest.verdict import RunVerdict

__all__ = ["PhaseSpan", "RunFacts", "duration_text"]


class PhaseSpan(NamedTuple):
    """A phase of the plan, from `start` to `end` in seconds of run time."""

    phase: Phase
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is said of a run beside what was measured."""

    run_id: str
    profile: str | None
    targets: tuple[str, ...]
    started_at: str
    """ISO 8601, UTC"""
    duration_s: float
    verdict: RunVerdict
    slos: tuple[Verdict, ...]
    workers: tuple[str, ...]
    missing: tuple[str, ...] = ()
    seed: int | None = None
    versions: tuple[tuple[str, str], ...] = ()
    """Of this program, of what it runs on, and of the charts."""
    phases: tuple[PhaseSpan, ...] = ()
    """The plan's, in order and without gaps."""
    kinds: tuple[tuple[str, str], ...] = ()
    """Group -> kind, of the profile."""
    limits: Limits = field(default_factory=Limits)
    finished: bool = True
    """False: a snapshot of a run that goes on, or that nobody brought to an end."""


def duration_text(seconds: float) -> str:
    """Such as `45s`, `2m05s`, `1h02m`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
