"""The master's run that is on: who takes part in which life, and Records stored once and acknowledged when kept."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from loadtest.results import Record, Summary
from loadtest.results.journal import Enlisted, Entry, Lost
from loadtest.swarm.cluster.journal import Keep
from loadtest.swarm.cluster.messages import Begin

__all__ = ["Keeper", "Memory", "RunState"]


class Keeper(Protocol):
    """What keeps a run's Records: its Journal."""

    hurry: bool

    def append(self, entries: Sequence[Entry], then: Keep | None = None) -> None:
        """Add entries; `then` is told when they are kept, and whether on disk."""


class Memory:
    """A Keeper that keeps nothing: the result alone has it."""

    hurry = False

    def append(self, entries: Sequence[Entry], then: Keep | None = None) -> None:  # noqa: ARG002 - Keeper's signature
        """Say so at once."""
        if then is not None:
            then(False)  # noqa: FBT003 - Keep's one argument


@dataclass(slots=True)
class RunState:
    """A run from its begin (or its resumption) to its verdict."""

    begin: Begin
    origin: float
    """The master's monotonic clock when run time was 0."""
    summary: Summary
    journal: Keeper = field(default_factory=Memory)
    participants: dict[str, int] = field(default_factory=dict)
    """worker -> the incarnation that takes part, or did last"""
    given_up: set[str] = field(default_factory=set)
    """Participants whose latest life was given up."""
    awaited: set[str] = field(default_factory=set)
    """Participants that a resumed run has not heard of yet."""
    resumed: bool = False
    """Another master began it."""
    over: bool = False
    """No more users are placed."""
    draining: bool = False
    """It is over, and last Records may still come."""

    def takes(self, run: str | None) -> bool:
        """Whether a worker may take part that is in the middle of `run` (None: of no run)."""
        return not self.over or (self.draining and run == self.begin.run)

    def enlist(self, worker: str, incarnation: int, index: int, at: float) -> None:
        """A worker takes part, in this life; once more changes nothing."""
        self.awaited.discard(worker)
        if self.participants.get(worker) == incarnation and worker not in self.given_up:
            return
        self.given_up.discard(worker)
        self.participants[worker] = incarnation
        self.summary.lives.begin(worker, incarnation, at)
        self.journal.append([Enlisted(worker, index, at, incarnation)])

    def give_up(self, worker: str, at: float) -> None:
        """Nothing was heard of a participant for too long."""
        self.awaited.discard(worker)
        incarnation = self.participants.get(worker)
        if incarnation is None or worker in self.given_up or self.is_complete(worker):
            return
        self.given_up.add(worker)
        self.summary.lives.lose(worker, incarnation, at)
        self.journal.append([Lost(worker, incarnation, at)])

    def is_over_for(self, worker: str) -> bool:
        """Whether a worker's latest life has ended: it was given up, or has drained (for a master that died since).

        Should it take part once more, that is another life: the Records of this one are numbered already.
        """
        return worker in self.given_up or self.is_complete(worker)

    def is_complete(self, worker: str) -> bool:
        """Whether the last Record of a worker's latest life, and all before it, have arrived."""
        life = self.summary.lives.of(worker).get(self.participants.get(worker, 0))
        return life is not None and life.complete

    def is_owing(self, worker: str) -> bool:
        """Whether Records of a worker are not here that may still come: of its latest life, or an earlier one."""
        return not self.is_complete(worker) or self.summary.lives.unfinished(worker)

    def missing(self) -> list[str]:
        """The participants whose last report has not arrived, without those that were given up."""
        return [worker for worker in self.participants if self.summary.lives.unfinished(worker)]

    def replay(self, entries: Iterable[Entry]) -> None:
        """Take in what a journal says."""
        for entry in entries:
            if isinstance(entry, Record):
                self.summary.add(entry)
            elif isinstance(entry, Enlisted):
                self.participants[entry.worker] = entry.incarnation
                self.given_up.discard(entry.worker)
                self.summary.lives.begin(entry.worker, entry.incarnation, entry.at)
            elif isinstance(entry, Lost):
                self.given_up.add(entry.worker)
                self.summary.lives.lose(entry.worker, entry.incarnation, entry.at)
        self.awaited = {w for w in self.participants if w not in self.given_up and not self.is_complete(w)}

    def _is_ours(self, sender: str, record: Record) -> bool:
        return record.run == self.begin.run and record.worker == sender in self.participants

    def strange(self, sender: str, records: Iterable[Record]) -> int:
        """How many of a worker's Records are not this run's, or not its own, or it takes no part."""
        return sum(not self._is_ours(sender, record) for record in records)

    def store(
        self, sender: str, records: Sequence[Record], acknowledge: Callable[[int, list[int], bool], None]
    ) -> list[Record]:
        """Take the Records of this run and sender in, each once; returns those that were new.

        `acknowledge(incarnation, serials, on disk)` is called for all of them, once they are kept.
        """
        ours = [record for record in records if self._is_ours(sender, record)]
        new = [record for record in ours if self.summary.add(record)]
        serials: dict[int, list[int]] = {}
        for record in ours:
            serials.setdefault(record.incarnation, []).append(record.serial)

        def kept(durable: bool) -> None:  # noqa: FBT001 - a Keep
            for incarnation, which in serials.items():
                acknowledge(incarnation, which, durable)

        if ours:
            self.journal.append(new, kept)
        return new
