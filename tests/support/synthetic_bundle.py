"""A run's directory on disk, without any cluster: what `loadtest report` and `loadtest compare` read."""

from dataclasses import replace
from pathlib import Path

from synthetic_run import facts_of, synthetic_records

from loadtest.report.files import files_of
from loadtest.results import Summary
from loadtest.results.journal import MAGIC, encode
from loadtest.verdict import RunVerdict

__all__ = ["PROFILE", "write_bundle"]

PROFILE = "name: market-open-burst\nslo:\n- rest response p95 < 1ms\n- errors < 99%\n"
KINDS = (("subscribers", "websocket"), ("pollers", "rest"))


def write_bundle(
    path: Path, length: int = 40, *, finished: bool = True, seed: int = 1, slower: float = 1.0, samples: int = 20
) -> None:
    """A run of `length` seconds, as a finished run leaves it, or (not `finished`) a killed master."""
    path.mkdir(parents=True)
    summary = Summary("r1")
    made = synthetic_records(length, 2, into=summary, seed=seed, slower=slower, name="/ws/market", samples=samples)
    with (path / "records.journal").open("wb") as journal:
        journal.write(MAGIC)
        for record in made:
            summary.add(record)
            journal.write(encode(record))
    facts = replace(facts_of(summary, length), run_id="r1", kinds=KINDS, finished=finished)
    if not finished:
        facts = replace(facts, verdict=RunVerdict("unfinished", "killed"), slos=())
    (path / "profile.yaml").write_text(PROFILE)
    for name, make in files_of(facts, summary, PROFILE):
        if finished or name == "summary.json":
            (path / name).write_text(make(), "utf-8")
