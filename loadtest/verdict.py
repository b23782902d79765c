"""From judged SLOs and what is known of the run to one verdict and its exit code. Judging an SLO is slo.py's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from loadtest.errors import ExitCode
from loadtest.limits import HEALTH_LIMITS
from loadtest.results import Summary, unexplained
from loadtest.slo import Verdict

__all__ = ["Ending", "RunVerdict", "decide"]

Name = Literal["pass", "fail", "invalid", "no-data", "interrupted", "error", "unfinished"]

EXIT_CODES: dict[Name, ExitCode] = {
    "pass": ExitCode.PASS,
    "fail": ExitCode.FAIL,
    "invalid": ExitCode.INVALID,
    "no-data": ExitCode.INVALID,
    "interrupted": ExitCode.INTERRUPTED,
    "error": ExitCode.NO_TARGET,
    "unfinished": ExitCode.INVALID,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run came to its end."""

    interrupted: bool = False
    """A signal ended it before its time."""
    no_workers: bool = False
    missing: tuple[str, ...] = ()
    """Workers whose last report never arrived."""
    deserted: bool = False
    """No worker was left, and none came."""
    void_if_lost: bool = False
    """The profile does not want a result of a run that lost a worker."""
    stopped: str = ""
    """Stopped by hand: when, such as "after 2s of 2m20s". What was measured until then is judged."""
    aborted: str = ""
    """Ended early by an SLO: when and by which, such as "after 42s: errors < 50%: breached for 10 s …"."""


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """The verdict on a run, and why in a sentence."""

    name: Name
    why: str

    @property
    def exit_code(self) -> ExitCode:
        """What the process ends with."""
        return EXIT_CODES[self.name]

    def __str__(self) -> str:
        return f"{self.name.upper()}: {self.why}"


def decide(ending: Ending, slos: Sequence[Verdict], summary: Summary) -> RunVerdict:
    """One verdict: what keeps a run from being judged comes first, then what it is judged by.

    An invalid run is neither passed nor failed; an SLO without data is not passed.
    """
    verdict = _obstacle(ending, summary) or _void(ending, summary) or _aborted(ending) or _judged(slos, summary)
    notes = [f"stopped by hand {ending.stopped}"] if ending.stopped else []
    lost = len(summary.lives.losses())
    if lost and verdict.name in ("pass", "fail", "no-data"):
        notes.append(f"{lost} worker{'s were' if lost > 1 else ' was'} lost on the way, see `lost`")
    return replace(verdict, why="; ".join([verdict.why, *notes])) if notes else verdict


def _aborted(ending: Ending) -> RunVerdict | None:
    return RunVerdict("fail", f"aborted {ending.aborted}") if ending.aborted else None


def _judged(slos: Sequence[Verdict], summary: Summary) -> RunVerdict:
    binding = [verdict for verdict in slos if not verdict.warns]
    failed = [verdict.text for verdict in binding if verdict.outcome == "fail"]
    undecided = [verdict.text for verdict in binding if verdict.outcome == "no-data"]
    warned = [verdict.text for verdict in slos if verdict.warns and verdict.outcome == "fail"]
    also = f"; {len(warned)} warning(s): {'; '.join(warned)}" if warned else ""
    if failed:
        return RunVerdict("fail", f"{len(failed)} of {len(binding)} SLOs breached: {'; '.join(failed)}{also}")
    if undecided:
        told = f"{len(undecided)} of {len(binding)} SLOs could not be judged: {'; '.join(undecided)}"
        return RunVerdict("no-data", told + also)
    if binding:
        return RunVerdict("pass", (f"all {len(binding)} SLOs held" if len(binding) > 1 else "the SLO held") + also)
    if not _answered(summary):
        return RunVerdict("no-data", "nothing was measured")
    none = "all SLOs only warn" if slos else "the profile has no SLOs"
    return RunVerdict("pass", f"the run is complete; {none}{also}")


def _obstacle(ending: Ending, summary: Summary) -> RunVerdict | None:
    if ending.interrupted:
        return RunVerdict("interrupted", "a signal ended the run before its time")
    if ending.no_workers:
        return RunVerdict("error", "no worker could take part; see the master's log for those that were refused")
    if ending.missing:
        names = ", ".join(ending.missing)
        return RunVerdict("invalid", f"the last report of {len(ending.missing)} worker(s) is missing: {names}")
    attempts = summary.counted(None, "connects") + summary.counted(None, "requests")
    if attempts and attempts == summary.counted(None, "unreachable"):
        return RunVerdict("error", f"nothing answers at the target: all {attempts:,} attempts failed to connect")
    return _unbalanced(summary) or _overload(summary)


def _unbalanced(summary: Summary) -> RunVerdict | None:
    """Whether there are connections that nobody can account for."""
    ledger = summary.ledger()
    if ledger.pending or ledger.open:
        where = f"{ledger.pending} attempts are pending and {ledger.open} connections open"
        return RunVerdict("invalid", f"the connection ledger does not balance at the end of the run: {where}")
    off = "; ".join(map(str, unexplained(summary.counters, summary.endings)))
    return RunVerdict("invalid", f"the causes in the connection ledger do not add up: {off}") if off else None


def _overload(summary: Summary) -> RunVerdict | None:
    """Whether the load generator was over its limits for too long: then nobody can tell what was the target's.

    A single worker-second never is too long, however short the plateau.
    """
    seconds, limits = summary.judged_seconds, summary.limits
    left_out, known = summary.exclusions.counted(seconds)
    in_a_row, _ = summary.exclusions.longest(seconds)
    if left_out <= max(1.0, limits.excluded * known) and in_a_row < limits.excluded_in_a_row:
        return None
    worst = summary.exclusions.by_limit(seconds)[0]
    limit, allowed = HEALTH_LIMITS[worst.limit], getattr(limits, worst.limit)
    return RunVerdict(
        "invalid",
        f"the load generator could not be trusted in {left_out:,} of {known:,} worker-seconds ({in_a_row} s on end):"
        f" {worst.worker} was {limit.words} for {worst.seconds} s, at worst {limit.show(worst.worst)} where"
        f" limits.{worst.limit} is {limit.show(allowed)}; {limit.remedy}, or raise the limit",
    )


def _void(ending: Ending, summary: Summary) -> RunVerdict | None:
    """Whether too much was lost with workers."""
    losses = summary.lives.losses()
    if not ending.deserted and not (losses and ending.void_if_lost):
        return None
    why = "no worker was left, and none came" if ending.deserted else "the profile says on_worker_loss: invalidate"
    return RunVerdict("invalid", f"{why}: {'; '.join(map(str, losses))}" if losses else why)


def _answered(summary: Summary) -> bool:
    return bool(summary.counted(None, "connected") or summary.counted(None, "requests"))
