"""The answers of the API, as types; docs/api.md says the same in words. Times are in the unit that a name ends with."""

from typing import Any

import msgspec

__all__ = [
    "STATUS_MARK",
    "STATUS_VARIABLE",
    "Connections",
    "Ending",
    "ErrorCount",
    "Health",
    "Objective",
    "Requests",
    "Stage",
    "Status",
    "Stream",
    "Timeline",
    "Times",
    "Users",
    "WorkerStatus",
]

STATUS_VARIABLE = "LOADTEST_STATUS_LINES"
"""If it is set, a master prints its Status each second, as a line that begins with STATUS_MARK (RFC 7464's RS)."""
STATUS_MARK = "\x1e"

SCHEMA = 1
"""Raised when a key changes its meaning or goes."""


class Answer(msgspec.Struct, frozen=True):
    """Anything that the API says."""


class Stage(Answer, frozen=True):
    """Where in its plan the run is."""

    phase: str
    """ramp-up, plateau or ramp-down; empty without a plan"""
    elapsed_s: float
    duration_s: float | None
    """None: the run has no planned end"""
    left_s: float | None
    next_change_s: float | None
    """Run time at which the phase ends"""


class Users(Answer, frozen=True):
    """Users over all groups and workers."""

    now: int
    target: int | None
    peak: int


class Health(Answer, frozen=True):
    """Whether the load generator itself can be trusted."""

    ok: bool
    banner: str
    """What is wrong, in a sentence for people; empty if nothing is"""
    excluded_s: int
    """Worker-seconds left out of timings so far"""


class Times(Answer, frozen=True):
    """Times of the recent seconds: null without samples."""

    samples: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    error_ms: float
    """Of a delivery: ± this, from the clocks"""


class Stream(Answer, frozen=True):
    """A WebSocket group."""

    group: str
    open: int
    target: int | None
    """Connections wanted now: users of the group"""
    messages_per_s: float
    measure: str
    """delivery, or what stands for it where there is no send time: ping or gap; empty before the first sample"""
    times: Times
    skew_p95_ms: float | None
    freshness_p95_ms: float | None
    """How old its data was, by `freshness`"""
    completeness: float | None
    """A share; None if it isn't known"""
    messages: int
    lost: int
    duplicated: int
    reordered: int
    errors: int


class Requests(Answer, frozen=True):
    """A REST group."""

    group: str
    target: int | None
    requests_per_s: float
    times: Times
    """Response times"""
    requests: int
    failed: int
    missed: int
    errors: int


class WorkerStatus(Answer, frozen=True):
    """A worker, by its last report."""

    name: str
    state: str
    users: int
    cpu: float | None
    """Share of one core"""
    lag_ms: float | None
    """How late its event loop ran a timer at most in that second"""
    descriptors: int | None
    clock_offset_ms: float | None
    """The target's clock minus this worker's wall clock; None if it isn't known"""
    clock_error_ms: float | None
    last_report_s: float | None
    """Seconds since the second that its last report is of; None before the first"""
    over: list[str]
    """Which limits it is over"""


class Objective(Answer, frozen=True):
    """An SLO as it would be judged now."""

    text: str
    verdict: str
    observed: float | None
    error: float | None
    unit: str
    samples: int
    margin: float | None
    """(limit - observed - error) / limit for `<`; negative: breached"""


class Connections(Answer, frozen=True):
    """Where the connections of a group went."""

    group: str
    attempted: int
    established: int
    failed: int
    cancelled: int
    pending: int
    open: int
    closed_by_us: int
    closed_by_server: int
    closed_by_network: int
    lost_with_worker: int


class ErrorCount(Answer, frozen=True):
    """Errors of one kind."""

    group: str
    name: str
    count: int


class Cause(Answer, frozen=True):
    """What connections of a group failed or ended by."""

    group: str
    name: str
    count: int


class Ending(Answer, frozen=True):
    """How the run ended."""

    verdict: str
    why: str
    exit_code: int


class Status(Answer, frozen=True):
    """Answer of /api/v1/status."""

    schema: int
    run_id: str
    """Empty: there was no run yet"""
    profile: str | None
    targets: list[str]
    started_at: str
    state: str
    """idle, running, stopping or ended"""
    stage: Stage
    users: Users
    health: Health
    streams: list[Stream]
    requests: list[Requests]
    workers: list[WorkerStatus]
    slos: list[Objective]
    ledger: list[Connections]
    causes: list[Cause]
    errors: list[ErrorCount]
    ending: Ending | None


class Timeline(Answer, frozen=True):
    """Answer of /api/v1/timeline."""

    schema: int
    run_id: str
    state: str
    whole: bool
    """These are all points: forget those of before"""
    next: int
    """What to give as `since` next time"""
    columns: list[str]
    points: list[list[Any]]
