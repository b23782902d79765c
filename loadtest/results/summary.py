"""Summary: the sum of a run's Records, and the one description of a run that every page, file and SLO reads."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Literal, TypeVar

from loadtest.fanout import Fanout, Outcome
from loadtest.limits import Limits
from loadtest.results.broadcasts import totals_of
from loadtest.results.exclusions import Exclusions
from loadtest.results.ledger import Ledger
from loadtest.results.lives import Lives
from loadtest.results.missing import Missing
from loadtest.results.per_second import PerSecond
from loadtest.results.record import Record
from loadtest.results.rolling import rolling
from loadtest.results.timeline import Phase, Timeline
from loadtest.results.totals import Series, SeriesKey, Totals, step_bound

__all__ = ["Series", "SeriesKey", "Summary", "WorkerTotals"]


MOST_DOUBT_S = 600.0
"""A target whose clock could not be asked for longer has other troubles than that clock."""


HELD_SECONDS = 3
"""Workers tell of a second within moments of each other; so many are added up before they are added to the rest."""

T = TypeVar("T")


@dataclass(slots=True)
class WorkerTotals:
    """What is known of one worker: how many Records came, and its last and worst state."""

    records: int = 0
    last_second: int = 0
    users: int = 0
    peak_users: int = 0
    totals: Totals = field(default_factory=Totals)
    worst: dict[str, float] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """Good data messages that it received."""
        return self.totals.counted(None, "messages")

    @property
    def requests(self) -> int:
        """Requests that it sent."""
        return self.totals.counted(None, "requests")


class Settled(Generic[T]):
    """An attribute of a Summary that is up to date for whoever reads it."""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, summary: "Summary", _owner: type) -> T:
        summary.settle()
        found: T = vars(summary)[self._name]
        return found

    def __set__(self, summary: "Summary", value: T) -> None:
        vars(summary)[self._name] = value


class Summary(Totals):
    """The sum of Records. Adding one twice changes nothing; the order of arrival does not matter.

    It also keeps them second by second, and can be looked at in parts: `during`, `window`. The times of a
    worker's second that was over one of the `limits` are in none of its histograms; what was counted in it is.
    """

    series = Settled[dict[SeriesKey, Series]]()
    counters = Settled[dict[str, Counter[str]]]()
    errors = Settled[dict[str, Counter[str]]]()
    kinds = Settled[dict[str, str]]()
    slow = Settled[set[str]]()

    def __init__(self, run: str, limits: Limits | None = None) -> None:
        self._held: dict[int, Totals] = {}
        super().__init__()
        self.run = run
        self.limits = limits or Limits()
        self.exclusions = Exclusions()
        self._timeline = Timeline()
        self.workers: dict[str, WorkerTotals] = defaultdict(WorkerTotals)
        self.lives = Lives()
        self.missing = Missing()
        self._users = PerSecond()
        self.endings: dict[str, Counter[str]] = defaultdict(Counter)
        """Group -> what became of its connections, and why -> how many."""
        self.handshakes: dict[str, dict[str, PerSecond]] = defaultdict(lambda: defaultdict(PerSecond))
        """Group -> connects and connected -> how many in each run second, over all workers."""
        self._phases: dict[Phase, Totals] = {}
        self._closed = False
        self._fanout = Fanout()

    def follow(self, phase_at: Callable[[float], Phase], length: float) -> None:
        """Take the phases of a plan of `length` seconds. What comes later is the run's end, and no phase of it.

        Raises:
            ValueError: Records have been added, and it is not known any more what of them is whose.
        """
        if self.timeline.seconds:
            raise ValueError("a Summary must know its plan before it takes Records in")
        self.timeline.follow(phase_at, length)

    def close(self) -> None:
        """Take no more in: the run is judged by what is here, and every file of it must say the same.

        Broadcasts that were still waited for are judged by what was told of them.
        """
        if not self._closed:
            self._add_broadcasts(self._fanout.finish())
            self.settle()
            for totals in (self, *self._phases.values(), *(worker.totals for worker in self.workers.values())):
                for series in totals.series.values():  # it is judged in a thread, while a page may read
                    series.histogram.settle()
        self._closed = True

    def add(self, record: Record) -> bool:
        """Take a Record in, once; False if it is another run's, is here already, or comes after `close`."""
        if self._closed or record.run != self.run or not self.lives.add(record):
            return False
        worker = self.workers[record.worker]
        worker.records += 1
        over = self.limits.exceeded(record.health)
        self.exclusions.note(record.worker, record.second, over, record.health.get("lag_max", 0.0))
        totals = Totals.of(record, timed=not over)
        worker.totals.merge(totals)
        self._timeline.add(record)
        self.seconds = self._timeline.seconds
        self._hold(record.second, totals)
        self._doubt(record)
        self._add_state(worker, record)
        self._add_connections(record)
        self.missing.add(record)
        self._add_broadcasts(self._fanout.add(record))
        return True

    @property
    def timeline(self) -> Timeline:
        """The run second by second."""
        self.settle()
        return self._timeline

    def clock_error(self) -> float:
        """As of all Records."""
        self.settle()
        return super().clock_error()

    def skew_floor(self) -> float:
        """As of all Records."""
        self.settle()
        return super().skew_floor()

    def ledger(self, scope: str | None = None) -> Ledger:
        """Where the WebSocket connections of a scope went, those of lost workers included."""
        plain = super().ledger(scope)
        groups = [group for group in self.counters if self._within(group, scope)]
        return replace(
            plain,
            cancelled=plain.cancelled + sum(map(self.lives.lost_attempts, groups)),
            lost_with_worker=sum(map(self.lives.lost_connections, groups)),
        )

    def _add_broadcasts(self, outcomes: Iterable[Outcome]) -> None:
        for second, totals in totals_of(outcomes).items():
            self._hold(second, totals)

    def _hold(self, second: int, totals: Totals) -> None:
        """Put the sums of a second to those of the other workers: together they cost what one does."""
        if second in self._held:
            self._held[second].merge(totals)
            return
        if len(self._held) >= HELD_SECONDS:
            self.settle()
        self._held[second] = totals

    def settle(self) -> None:
        """Add what is held; whoever reads a sum finds all of them."""
        held, self._held = self._held, {}
        for second, totals in held.items():
            self.merge(totals)
            self._timeline.amend(second, totals)
            self._add_to_phase(second, totals)

    def _doubt(self, record: Record) -> None:
        """A clock was found to have been set: what was timed since it was last right may be wrong by as much."""
        bound = step_bound(record.health)
        if not bound:
            return
        unsure = Totals()
        unsure.note_clock_error(bound)
        doubt = record.health.get("clock_doubt", 0.0)
        seconds = math.ceil(min(doubt, MOST_DOUBT_S)) if doubt > 0 else 0
        for second in range(max(record.second - seconds, 0), record.second):
            self._timeline.amend(second, unsure)
            self._add_to_phase(second, unsure)

    def _add_to_phase(self, second: int, totals: Totals) -> None:
        if second in self.seconds:
            self._phase(self._timeline.phase(second)).merge(totals)

    def _phase(self, phase: Phase) -> Totals:
        return self._phases.setdefault(phase, Totals())

    def during(self, phase: Literal["all", "ramp", "plateau"]) -> Totals:
        """The same of a phase alone, as it grows; a ramp is the users' arrival."""
        if phase == "all":
            return self
        self.settle()
        wanted: Phase = "ramp-up" if phase == "ramp" else "plateau"
        part = self._phase(wanted)
        part.seconds = [second for second in self.seconds if self.timeline.phase(second) == wanted]
        return part

    def window(self, first: int, last: int) -> Totals:
        """The same of the run seconds from `first` to `last`, both included."""
        known = self.seconds
        seconds = [second for second in range(first, last + 1) if second in known]
        return Totals.sum((self.timeline[second].totals for second in seconds), seconds)

    def windows(self, phase: Literal["all", "ramp", "plateau"], length: int) -> Iterator[tuple[int, Totals]]:
        """(last second, the same of the `length` seconds up to it) for every such stretch that lies in a phase."""
        for stretch in _stretches(self.during(phase).seconds):
            sums = rolling((self.window(second, second) for second in stretch), length, _sum)
            yield from zip(stretch[length - 1 :], sums, strict=False)

    def _add_connections(self, record: Record) -> None:
        for group, counts in record.endings.items():
            self.endings[group].update(counts)
        for group, counts in record.counters.items():
            for name in ("connects", "connected"):
                if name in counts:
                    self.handshakes[group][name].add(record.second, counts[name])

    def _add_state(self, worker: WorkerTotals, record: Record) -> None:
        users = sum(gauges.get("users", 0) for gauges in record.gauges.values())
        self._users.add(record.second, users)
        worker.peak_users = max(worker.peak_users, users)
        if record.second >= worker.last_second:
            worker.last_second, worker.users = record.second, users
        for name, value in record.health.items():
            worker.worst[name] = max(value, worker.worst.get(name, value), key=abs)  # an offset may be negative

    @property
    def judged_seconds(self) -> Sequence[int]:
        """The seconds that the run is judged by: the plateau's, or all of them if there is none."""
        return self.during("plateau").seconds or self.seconds

    @property
    def peak_users(self) -> int:
        """The most users that ran in any one second, over all workers."""
        return self._users.peak


def _sum(first: Totals, second: Totals) -> Totals:
    return Totals.sum((first, second), (*first.seconds, *second.seconds))


def _stretches(seconds: Sequence[int]) -> Iterator[list[int]]:
    """Seconds, split where one is missing."""
    stretch: list[int] = []
    for second in seconds:
        if stretch and second != stretch[-1] + 1:
            yield stretch
            stretch = []
        stretch.append(second)
    if stretch:
        yield stretch
