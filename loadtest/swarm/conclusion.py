"""What a master makes of its run: judged and written at the end, and a snapshot of it now and then until then."""

import logging
import platform
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from itertools import pairwise
from typing import TypeVar

from locust.env import Environment

import gevent

from loadtest import charts
from loadtest.report import RunFacts, to_text
from loadtest.report.facts import PhaseSpan
from loadtest.report.files import SUMMARY, files_of, summary_text
from loadtest.results.journal import Ended
from loadtest.rundir import RunDirectory
from loadtest.schedule import Plan
from loadtest.slo import Verdict, judge
from loadtest.swarm.cluster.journal import NAME
from loadtest.swarm.cluster.state import RunState
from loadtest.swarm.locust_csv import csv_files
from loadtest.swarm.run_log import RunLog
from loadtest.swarm.runs import Current
from loadtest.verdict import Ending, RunVerdict, decide

__all__ = ["Conclusion"]

logger = logging.getLogger(__name__)

CHECKPOINT_S = 10.0
CHECKPOINT_SHARE = 50
"""A snapshot of hundreds of workers takes seconds: at most one in so many goes to it."""
LOG = "run.log"
LOGGERS = ("", "locust")
"""Locust's own does not pass on to the root's handlers."""
T = TypeVar("T")
PACKAGES = ("loadtest", "locust", "gevent", "websockets", "httptools")


class Conclusion:
    """The files of one run: `begin` when it begins, `conclude` when the last report is in."""

    def __init__(self, run: Current, state: RunState, directory: RunDirectory) -> None:
        self.run = run
        self.state = state
        self.directory = directory
        self._log = RunLog(directory.path / LOG)
        self._profile = run.profile.resolved() if run.profile is not None else None

    def begin(self, elapsed: Callable[[], float]) -> None:
        """Write what is known beforehand, and a snapshot every CHECKPOINT_S seconds or more until the run is over."""
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self._log)
        logger.info("run %s begins on %s", self.run.run_id, ", ".join(self.run.targets))
        if self._profile is not None:
            self.directory.write("profile.yaml", self._profile)

        def loop() -> None:
            while not self.run.over:
                began = elapsed()
                self._checkpoint(began)
                gevent.sleep(max(CHECKPOINT_S, CHECKPOINT_SHARE * (elapsed() - began)))

        gevent.spawn(loop)

    def _checkpoint(self, elapsed: float) -> None:
        """Leave a summary that a killed master can be known by; `loadtest report` makes the rest of the journal."""
        why = "the run is not over; if nobody goes on with it, `loadtest report` renders what was reported so far"
        facts = replace(self._facts(RunVerdict("unfinished", why), (), elapsed), finished=False)
        text = summary_text(facts, self.state.summary)
        self._in_a_thread(lambda: self.run.over or self.directory.write(SUMMARY, text))

    def conclude(self, ending: Ending, duration: float, environment: Environment) -> tuple[RunVerdict, str]:
        """Judge the run, write its files, and return the verdict with what to print."""
        summary = self.state.summary
        summary.close()
        slos = self._in_a_thread(self._judged)
        facts = self._facts(decide(ending, slos, summary), slos, duration, ending.missing)
        self._in_a_thread(lambda: self._write(facts))
        for name, content in csv_files(environment):
            self.directory.write(name, content)
        if self.run.journal is not None:
            self.run.journal.append([Ended(duration)])
            if not self.run.journal.close():
                self.directory.failed[NAME] = self.run.journal.failed
        logger.info("%s", facts.verdict)
        for name in LOGGERS:
            logging.getLogger(name).removeHandler(self._log)
        self._log.close()
        return facts.verdict, self._told(to_text(facts, summary))

    def _write(self, facts: RunFacts) -> None:
        for name, make in files_of(facts, self.state.summary, self._profile):
            self.directory.write(name, make())

    def _told(self, text: str) -> str:
        lines = [
            f"  {self.directory.path / name} could not be written: {why}" for name, why in self.directory.failed.items()
        ]
        return "\n".join([text, *(lines or [f"  {self.directory.path}/report.html"]), ""])

    @staticmethod
    def _in_a_thread(work: Callable[[], T]) -> T:
        """Do what takes seconds beside the hub, which must go on answering workers."""
        result: T = gevent.get_hub().threadpool.apply(work)
        return result

    def _judged(self) -> tuple[Verdict, ...]:
        """Every SLO's verdict; that of the one that ended the run is the one it was ended for."""
        if self.run.profile is None:
            return ()
        ended = {self.run.aborted.verdict.text: self.run.aborted.verdict} if self.run.aborted is not None else {}
        return tuple(ended.get(slo.text) or judge(slo, self.state.summary) for slo in self.run.profile.slo)

    def _facts(
        self, verdict: RunVerdict, slos: tuple[Verdict, ...], duration: float, missing: tuple[str, ...] = ()
    ) -> RunFacts:
        profile = self.run.profile
        return RunFacts(
            run_id=self.run.run_id,
            profile=profile.name if profile is not None else None,
            targets=self.run.targets,
            started_at=self.run.started_at,
            duration_s=duration,
            verdict=verdict,
            slos=slos,
            workers=tuple(self.state.participants),
            missing=missing,
            seed=profile.seed if profile is not None else None,
            versions=_versions(),
            phases=_phases(self.run.plan) if self.run.plan is not None else (),
            kinds=tuple((name, group.kind) for name, group in profile.users.items()) if profile is not None else (),
            limits=self.state.summary.limits,
        )


def _versions() -> tuple[tuple[str, str], ...]:
    packages = tuple((name, version(name)) for name in PACKAGES)
    return (
        *packages,
        ("python", platform.python_version()),
        ("system", platform.platform()),
        ("charts", charts.LIBRARY),
    )


def _phases(plan: Plan) -> tuple[PhaseSpan, ...]:
    """The plan's phases, each as long as it lasts without a break."""
    starts = {piece.start for track in plan.tracks for piece in track.pieces if piece.start < plan.duration}
    spans: list[PhaseSpan] = []
    for start, end in pairwise(sorted({0.0, plan.duration, *starts})):
        phase = plan.phase_at(start)
        if spans and spans[-1].phase == phase:
            spans[-1] = spans[-1]._replace(end=end)
        else:
            spans.append(PhaseSpan(phase, start, end))
    return tuple(spans)
