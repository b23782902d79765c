"""From judged SLOs and what is known of the run to one verdict and its exit code. Judging an SLO is slo.py's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from loadtest.errors import ExitCode
from loadtest.results import Summary
from loadtest.slo import Verdict

__all__ = ["Ending", "RunVerdict", "decide"]

Name = Literal["pass", "fail", "invalid", "no-data", "interrupted", "error"]

EXIT_CODES: dict[Name, ExitCode] = {
    "pass": ExitCode.PASS,
    "fail": ExitCode.FAIL,
    "invalid": ExitCode.INVALID,
    "no-data": ExitCode.INVALID,
    "interrupted": ExitCode.INTERRUPTED,
    "error": ExitCode.NO_TARGET,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run came to its end."""

    interrupted: bool = False
    """A signal ended it before its time."""
    no_workers: bool = False
    missing: tuple[str, ...] = ()
    """Workers whose last report never arrived."""
    stopped: str = ""
    """Stopped by hand: when, such as "after 2s of 2m20s". What was measured until then is judged."""


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
    verdict = _obstacle(ending, summary) or _judged(slos, summary)
    return replace(verdict, why=f"{verdict.why}; stopped by hand {ending.stopped}") if ending.stopped else verdict


def _judged(slos: Sequence[Verdict], summary: Summary) -> RunVerdict:
    failed = [verdict.text for verdict in slos if verdict.outcome == "fail"]
    undecided = [verdict.text for verdict in slos if verdict.outcome == "no-data"]
    if failed:
        return RunVerdict("fail", f"{len(failed)} of {len(slos)} SLOs breached: {'; '.join(failed)}")
    if undecided:
        return RunVerdict(
            "no-data", f"{len(undecided)} of {len(slos)} SLOs could not be judged: {'; '.join(undecided)}"
        )
    if slos:
        return RunVerdict("pass", f"all {len(slos)} SLOs held" if len(slos) > 1 else "the SLO held")
    if not _answered(summary):
        return RunVerdict("no-data", "nothing was measured")
    return RunVerdict("pass", "the run is complete; the profile has no SLOs")


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
    ledger = summary.ledger()
    if ledger.pending or ledger.open:
        where = f"{ledger.pending} attempts are pending and {ledger.open} connections open"
        return RunVerdict("invalid", f"the connection ledger does not balance at the end of the run: {where}")
    return None


def _answered(summary: Summary) -> bool:
    return bool(summary.counted(None, "connected") or summary.counted(None, "requests"))
