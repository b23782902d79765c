"""Moment and Summary -> Status: the run now. `recent` is its last seconds. Nothing here formats."""

from collections.abc import Mapping

from loadtest.histogram import Histogram
from loadtest.limits import HEALTH_LIMITS, Limits
from loadtest.monitor.document import (
    SCHEMA,
    Cause,
    Connections,
    Ending,
    ErrorCount,
    Health,
    Objective,
    Requests,
    Stage,
    Status,
    Stream,
    Timeline,
    Times,
    Users,
    WorkerStatus,
)
from loadtest.monitor.history import History
from loadtest.monitor.judging import Judging, margin
from loadtest.monitor.moment import Moment, Seen
from loadtest.monitor.points import COLUMNS, ms
from loadtest.monitor.span import OF_A_GROUP, Span
from loadtest.results import Summary
from loadtest.slo import Threshold, Verdict

__all__ = ["status_of", "timeline_of"]

NAMED = 3
"""Workers that the banner names; the table of workers has all of them."""
SHOWN = 20
"""Kinds of errors in the answer: the most frequent ones."""


def status_of(moment: Moment, summary: Summary, recent: Span, judging: Judging | None = None) -> Status:
    """The answer of /api/v1/status. `judging` knows the windows of SLOs with `for`."""
    judging = judging or Judging()
    wanted = moment.plan.users_at(moment.elapsed) if moment.plan is not None and moment.verdict is None else None
    kinds = moment.kinds or summary.kinds
    groups = {kind: [group for group, its in kinds.items() if its == kind] for kind in ("websocket", "rest")}
    workers = [_worker(seen, moment, summary.limits) for seen in moment.workers]
    return Status(
        schema=SCHEMA,
        run_id=moment.run_id,
        profile=moment.profile,
        targets=list(moment.targets),
        started_at=moment.started_at,
        state=_state(moment),
        stage=_stage(moment),
        users=Users(
            now=sum(seen.users for seen in moment.workers) if moment.verdict is None else 0,
            target=None if wanted is None else sum(wanted.values()),
            peak=summary.peak_users,
        ),
        health=_health(workers, sum(map(len, summary.exclusions.over.values()))),
        streams=[_stream(group, wanted, summary, recent) for group in groups["websocket"]],
        requests=[_requests(group, wanted, summary, recent) for group in groups["rest"]],
        workers=workers,
        slos=[_objective(threshold, judging.verdict(threshold, summary)) for threshold in moment.thresholds],
        ledger=[_connections(group, summary) for group in groups["websocket"]],
        causes=_causes(summary),
        errors=_errors(summary),
        ending=_ending(moment),
    )


def timeline_of(moment: Moment, history: History, since: int) -> Timeline:
    """The answer of /api/v1/timeline to one who knows the seconds before `since`."""
    whole, points = history.points(since)
    rows = [list(point) for point in points]
    return Timeline(SCHEMA, moment.run_id, _state(moment), whole, history.next, list(COLUMNS), rows)


def _state(moment: Moment) -> str:
    if not moment.run_id:
        return "idle"
    if moment.verdict is not None:
        return "ended"
    return "stopping" if moment.draining else "running"


def _stage(moment: Moment) -> Stage:
    plan, elapsed = moment.plan, round(moment.elapsed, 1)
    if plan is None or not moment.run_id:
        return Stage("", elapsed, None, None, None)
    over = moment.draining or moment.verdict is not None
    return Stage(
        phase=plan.phase_at(min(moment.elapsed, plan.duration)),
        elapsed_s=elapsed,
        duration_s=plan.duration,
        left_s=0.0 if over else round(max(0.0, plan.duration - moment.elapsed), 1),
        next_change_s=None if over else plan.phase_end(moment.elapsed),
    )


def _health(workers: list[WorkerStatus], excluded: int) -> Health:
    over = [worker for worker in workers if worker.over]
    missing = [worker.name for worker in workers if worker.state == "missing"]
    sentences = [f"{worker.name}: {', '.join(worker.over)}" for worker in over]
    sentences += [f"{name} is not heard of" for name in missing]
    shown = sentences[:NAMED]
    if len(sentences) > NAMED:
        shown.append(f"and {len(sentences) - NAMED} more")
    return Health(ok=not sentences, banner="; ".join(shown), excluded_s=excluded)


def _times(histogram: Histogram, error: float = 0.0) -> Times:
    p50, p95, p99 = (ms(histogram.percentile(p)) for p in (50, 95, 99))
    return Times(histogram.count, p50, p95, p99, ms(error) or 0.0)


def _stream(group: str, wanted: dict[str, int] | None, summary: Summary, recent: Span) -> Stream:
    measure = next((name for name in OF_A_GROUP if summary.histogram(group, name).count), "")
    error = summary.error(group, measure)
    expected = summary.counted(group, "expected_deliveries")
    return Stream(
        group=group,
        open=summary.ledger(group).open,
        target=None if wanted is None else wanted.get(group, 0),
        messages_per_s=recent.rate(group, "messages"),
        measure=measure,
        times=_times(recent.histogram(group, measure) if measure else Histogram(), error),
        skew_p95_ms=ms(recent.histogram(group, "skew").percentile(95)),
        freshness_p95_ms=ms(recent.histogram(group, "freshness").percentile(95)),
        completeness=summary.counted(group, "counted_deliveries") / expected if expected else None,
        messages=summary.counted(group, "messages"),
        lost=summary.counted(group, "lost"),
        duplicated=summary.counted(group, "duplicated"),
        reordered=summary.counted(group, "reordered"),
        errors=summary.errors[group].total() if group in summary.errors else 0,
    )


def _requests(group: str, wanted: dict[str, int] | None, summary: Summary, recent: Span) -> Requests:
    return Requests(
        group=group,
        target=None if wanted is None else wanted.get(group, 0),
        requests_per_s=recent.rate(group, "requests"),
        times=_times(recent.histogram(group, "response")),
        requests=summary.counted(group, "requests"),
        failed=summary.counted(group, "requests_failed"),
        missed=summary.counted(group, "missed"),
        errors=summary.errors[group].total() if group in summary.errors else 0,
    )


def _over(health: Mapping[str, float], limits: Limits) -> list[str]:
    """Such as `busy (95 %, limit 90 %)`."""
    found = []
    for name, value in limits.exceeded(health).items():
        about = HEALTH_LIMITS[name]
        found.append(f"{about.words} ({about.show(value)}, limit {about.show(getattr(limits, name))})")
    return found


def _worker(seen: Seen, moment: Moment, limits: Limits) -> WorkerStatus:
    health = seen.health
    descriptors = health.get("descriptors")
    cpu = health.get("cpu")
    return WorkerStatus(
        name=seen.name,
        state=seen.state,
        users=seen.users,
        cpu=None if cpu is None else round(cpu, 3),
        lag_ms=ms(health.get("lag_max")),
        descriptors=None if descriptors is None else int(descriptors),
        clock_offset_ms=ms(health.get("clock_offset")),
        clock_error_ms=ms(health.get("clock_error")),
        last_report_s=None if seen.second is None else round(max(0.0, moment.elapsed - seen.second), 1),
        over=_over(health, limits) if moment.verdict is None else [],
    )


def _objective(threshold: Threshold, verdict: Verdict) -> Objective:
    return Objective(
        text=verdict.text,
        verdict=verdict.word,
        observed=verdict.observed,
        error=verdict.error,
        unit=verdict.unit,
        samples=verdict.samples,
        margin=margin(threshold, verdict.observed, verdict.error or 0.0),
    )


def _connections(group: str, summary: Summary) -> Connections:
    ledger = summary.ledger(group)
    return Connections(
        group=group,
        attempted=ledger.attempted,
        established=ledger.established,
        failed=ledger.failed,
        cancelled=ledger.cancelled,
        pending=ledger.pending,
        open=ledger.open,
        closed_by_us=ledger.closed_by_us,
        closed_by_server=ledger.closed_by_server,
        closed_by_network=ledger.closed_by_network,
        lost_with_worker=ledger.lost_with_worker,
    )


def _causes(summary: Summary) -> list[Cause]:
    return [Cause(*cause) for cause in _most(summary.endings)]


def _errors(summary: Summary) -> list[ErrorCount]:
    return [ErrorCount(*error) for error in _most(summary.errors)]


def _most(counts: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str, int]]:
    """(group, name, count) of the most frequent."""
    every = [(group, name, count) for group, names in counts.items() for name, count in names.items()]
    return sorted(every, key=lambda its: (-its[2], its[0], its[1]))[:SHOWN]


def _ending(moment: Moment) -> Ending | None:
    verdict = moment.verdict
    return None if verdict is None else Ending(verdict.name, verdict.why, int(verdict.exit_code))
