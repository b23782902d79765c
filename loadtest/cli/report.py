"""`loadtest report`: makes the files of a run again, from the reports that its workers sent."""

import json
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import yaml

from loadtest.cli.arguments import Parser
from loadtest.cli.world import World
from loadtest.errors import ExitCode, JournalError, UsageError
from loadtest.report import RunFacts
from loadtest.report.files import SUMMARY, files_of
from loadtest.report.reading import facts_from
from loadtest.results import Phase, Record, Summary
from loadtest.results.journal import Enlisted, Entry, Lost, Reader
from loadtest.rundir import RunDirectory
from loadtest.slo import Verdict, judge, parse

__all__ = ["execute", "find_run", "parser", "read_facts"]

JOURNAL = "records.journal"
PROFILE = "profile.yaml"
PIECE = 1 << 18

EXAMPLES = """\
examples:
  loadtest report runs/20261123T031728Z-demo-cb13     a directory
  loadtest report 20261123T031728Z-demo-cb13          a run in ./runs (or LOADTEST_OUT)
  loadtest report RUN --out /tmp/again                leaves the run's own directory as it is

The verdicts of a finished run stay what they were. A run whose master was killed is judged by what had been reported.
Exit codes: 0 done, 2 there is no such run, or its files can't be read or written.
"""


def parser(world: World) -> Parser:
    """Return the parser of `loadtest report`."""
    made = Parser("loadtest report", "Make the files of a run again from its data.", EXAMPLES, world.stdout)
    made.add_argument("run", metavar="RUN", help="directory of a run, or its name in LOADTEST_OUT (default: runs)")
    made.add_argument("--out", metavar="DIR", help="where the files go (default: the run's own directory)")
    return made


def execute(namespace: Namespace, world: World) -> ExitCode:
    """Render it."""
    source = find_run(namespace.run, world)
    facts = read_facts(source)
    summary = _summary(source, facts)
    profile = _text(source / PROFILE)
    if not facts.finished:
        facts = replace(facts, slos=tuple(_judged(profile, facts, summary)), duration_s=float(len(summary.seconds)))
    target = RunDirectory(Path(namespace.out) if namespace.out else source)
    for name, make in files_of(facts, summary, profile):
        if name != SUMMARY or target.path != source or not facts.finished:
            target.write(name, make())
    if target.failed:
        failures = (f"{target.path / name} could not be written: {why}" for name, why in target.failed.items())
        raise UsageError("; ".join(failures))
    world.say(str(facts.verdict))
    world.say(f"{target.path}/report.html")
    return ExitCode.PASS


def find_run(given: str, world: World, runs: Path | None = None) -> Path:
    """Return the directory of a run: a path, or a name in the folder of runs. Raises UsageError."""
    runs = runs or Path(world.environ.get("LOADTEST_OUT") or "runs")
    for path in (Path(given), runs / given):
        if (path / SUMMARY).is_file():
            return path
    raise UsageError(f"there is no run {given}: neither {given}/{SUMMARY} nor {runs / given}/{SUMMARY} is there")


def read_facts(source: Path) -> RunFacts:
    """Return what the summary.json of a run says of it. Raises UsageError."""
    try:
        return facts_from(json.loads((source / SUMMARY).read_text("utf-8")))
    except OSError as problem:
        raise UsageError(f"{source / SUMMARY} can't be read: {problem.strerror or problem}") from None
    except ValueError as problem:
        raise UsageError(f"{source / SUMMARY} can't be used: {problem}") from None


def _summary(source: Path, facts: RunFacts) -> Summary:
    """Return the sum of all that was reported. Raises UsageError if there is no journal, or it is none."""
    summary = Summary(facts.run_id, facts.limits)
    if facts.phases:
        summary.follow(lambda time: _phase_at(facts, time), facts.phases[-1].end)
    try:
        for entry in _entries(source / JOURNAL):
            match entry:
                case Record():
                    summary.add(entry)
                case Enlisted():
                    summary.lives.begin(entry.worker, entry.incarnation, entry.at)
                case Lost():
                    summary.lives.lose(entry.worker, entry.incarnation, entry.at)
                case _:
                    pass
    except OSError as problem:
        raise UsageError(f"{source / JOURNAL} can't be read: {problem.strerror or problem}") from None
    except JournalError as problem:
        raise UsageError(f"{source / JOURNAL}: {problem}") from None
    return summary


def _entries(path: Path) -> Iterator[Entry]:
    reader = Reader()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield from reader.feed(piece)


def _phase_at(facts: RunFacts, time: float) -> Phase:
    return next((span.phase for span in facts.phases if time < span.end), facts.phases[-1].phase)


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except OSError:
        return None


def _judged(profile: str | None, facts: RunFacts, summary: Summary) -> Iterator[Verdict]:
    """Judge the SLOs of a run that nobody brought to its end."""
    content = yaml.safe_load(profile) if profile is not None else None
    kinds = dict(facts.kinds)
    for text in (content or {}).get("slo") or ():
        yield judge(parse(str(text), kinds), summary)
