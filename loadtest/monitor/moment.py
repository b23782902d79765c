"""What is known of a run beside its Summary, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from loadtest.schedule import Plan
from loadtest.slo import Threshold
from loadtest.verdict import RunVerdict

__all__ = ["Moment", "Seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker as it was last heard of."""

    name: str
    state: str
    """ready, running, leaving, missing or left"""
    second: int | None = None
    """The second of run time that its last report is of; None before the first."""
    users: int = 0
    health: Mapping[str, float] = field(default_factory=dict)
    """As in a Record, of that second."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A run at one moment. Without a run (`run_id` is empty) only the workers are known."""

    run_id: str = ""
    profile: str | None = None
    targets: tuple[str, ...] = ()
    started_at: str = ""
    elapsed: float = 0.0
    """Seconds of run time; after the end, how long the run was."""
    plan: Plan | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    """group -> websocket or rest, in the profile's order"""
    thresholds: tuple[Threshold, ...] = ()
    workers: tuple[Seen, ...] = ()
    draining: bool = False
    verdict: RunVerdict | None = None
