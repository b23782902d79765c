"""Which run a master goes on with: one that another master began and did not end. Nothing is taken over here."""

import logging
from dataclasses import dataclass
from pathlib import Path

from loadtest.clock import Clock
from loadtest.errors import JournalError
from loadtest.results.journal import Ended, Started
from loadtest.swarm.cluster.journal import NAME, Scan

__all__ = ["AUTO", "Resumption", "find", "resumption"]

logger = logging.getLogger(__name__)

AUTO = "auto"
"""Go on with the newest run below the output folder, if it is not over and its workers may still be there."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """A run to go on with: how it began, where its journal is, and how much of that is whole."""

    started: Started
    path: Path
    good: int


def resumption(directory: Path) -> Resumption:
    """The run of a directory.

    Raises:
        JournalError: there is none, or it is over.
    """
    path = directory / NAME
    scan = Scan(path)
    started: Started | None = None
    for entry in scan:
        if isinstance(entry, Started):
            started = started or entry
        elif isinstance(entry, Ended):
            run = started.run if started is not None else directory.name
            raise JournalError(f"run {run} is over, its result is in {directory}; the next one needs another name")
    if started is None:
        raise JournalError(f"{path} does not say how the run began; start it anew, under another name")
    torn = path.stat().st_size - scan.good
    if torn:
        logger.warning("%s: the last %d bytes are torn and are cut off; they were never acknowledged", path, torn)
    return Resumption(started, path, scan.good)


def find(wish: str, out: Path, run_id: str | None, clock: Clock, patience: float) -> Resumption | None:
    """The run to go on with. `wish`: a run's directory, `auto`, or nothing.

    Without a wish, a run id that has a directory already is gone on with. With `auto`, the newest run is, unless
    nothing was written for `patience` seconds: its workers have given up by then.

    Raises:
        JournalError: the run that was asked for is over, or can't be gone on with.
    """
    if wish and wish != AUTO:
        return resumption(Path(wish))
    if run_id is not None:
        return resumption(out / run_id) if (out / run_id / NAME).exists() else None
    journals = sorted(out.glob(f"*/{NAME}"), key=lambda path: path.stat().st_mtime) if wish == AUTO else []
    if not journals or clock.wall() - journals[-1].stat().st_mtime > patience:
        return None
    try:
        return resumption(journals[-1].parent)
    except JournalError as problem:
        logger.info("nothing to go on with: %s", problem)
        return None
