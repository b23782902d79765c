"""The lives of workers: how far the Records of each go, and what was lost with those that were given up.

A life is (worker, incarnation): a process that was taken for dead and comes back lives again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from loadtest.results.record import Record

__all__ = ["Life", "Lives", "Loss"]

CONNECTIONS = ("connects", "connected", "connects_failed", "connects_cancelled")
CLOSED = ("closed_by_us", "closed_by_server", "closed_by_network")


@dataclass(slots=True)
class Life:
    """What has arrived of one life of one worker."""

    arrived: int = 0
    """How many of its Records."""
    final: int | None = None
    """The serial of its last Record."""
    until: int = 0
    """The end (s of run time) of the last second that it reported."""
    users: int = 0
    """How many users it had then."""
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """group -> what became of its connections"""
    lost_at: float | None = None
    """When (s of run time) it was given up."""
    lost_users: int = 0
    """How many users it had, by its last report before that."""
    _below: int = 0  # every serial below this has arrived
    _above: set[int] = field(default_factory=set)  # and these

    def take(self, serial: int) -> bool:
        """Note that a Record has arrived; False if it had before."""
        if serial < self._below or serial in self._above:
            return False
        self._above.add(serial)
        while self._below in self._above:
            self._above.remove(self._below)
            self._below += 1
        self.arrived += 1
        return True

    @property
    def holes(self) -> int:
        """How many Records are missing before the last one that arrived."""
        return max(self._above) + 1 - self.arrived if self._above else 0

    @property
    def complete(self) -> bool:
        """Whether its final Record and every one before it have arrived."""
        return self.final is not None and self.arrived == self.final + 1

    def pending(self, group: str) -> int:
        """Attempts to connect of which nothing more was reported."""
        attempted, *settled = (self.counts[group][name] for name in CONNECTIONS)
        return attempted - sum(settled)

    def open(self, group: str) -> int:
        """Connections of which no end was reported."""
        return self.counts[group]["connected"] - sum(self.counts[group][name] for name in CLOSED)


@dataclass(frozen=True, slots=True)
class Loss:
    """A life that was given up: from when to when nothing is known of it, and what it had then."""

    worker: str
    incarnation: int
    since: float
    """The end (s of run time) of what it reported."""
    until: float
    """When it was given up (s of run time)."""
    users: int
    connections: int
    holes: int
    """How many earlier seconds of it are missing as well."""
    handed_over: bool
    """It came back and handed over all it had kept: nothing of it is missing."""

    @property
    def seconds(self) -> float:
        """How much of its time is in no result."""
        return 0.0 if self.handed_over else self.until - self.since + self.holes

    def __str__(self) -> str:
        what = f"{self.worker} was lost at {self.until:.0f} s with {self.users:,} users"
        if self.handed_over:
            return f"{what}; it came back and handed over everything that it had counted"
        gap = f"nothing is known of it from {self.since:.0f} s to {self.until:.0f} s ({self.seconds:.1f} s)"
        return f"{what} and {self.connections:,} open connections; {gap}"


class Lives:
    """Every life of every worker in one run."""

    def __init__(self) -> None:
        self._lives: dict[tuple[str, int], Life] = defaultdict(Life)

    def add(self, record: Record) -> bool:
        """Note a Record; False if it is here already."""
        life = self._lives[record.worker, record.incarnation]
        if not life.take(record.serial):
            return False
        if record.final:
            life.final = record.serial
        for group, counts in record.counters.items():
            moved = {name: counts[name] for name in CONNECTIONS + CLOSED if name in counts}
            if moved:
                life.counts[group].update(moved)
        if record.second + 1 >= life.until:
            life.until = record.second + 1
            if not record.final:
                life.users = sum(gauges.get("users", 0) for gauges in record.gauges.values())
        return True

    def begin(self, worker: str, incarnation: int, at: float) -> None:
        """A worker takes part from `at` seconds on: where its gap begins if it dies before its first Record."""
        life = self._lives[worker, incarnation]
        life.until = max(life.until, int(at))

    def lose(self, worker: str, incarnation: int, at: float) -> None:
        """Give a life up at `at` seconds."""
        life = self._lives[worker, incarnation]
        if life.lost_at is None:
            life.lost_at, life.lost_users = at, life.users

    def of(self, worker: str) -> dict[int, Life]:
        """The lives of a worker by incarnation."""
        return {incarnation: life for (name, incarnation), life in self._lives.items() if name == worker}

    def losses(self) -> list[Loss]:
        """What was given up, in the order of time."""
        found = [
            Loss(
                worker=worker,
                incarnation=incarnation,
                since=min(float(life.until), life.lost_at),
                until=life.lost_at,
                users=life.lost_users,
                connections=sum(life.open(group) for group in list(life.counts)),
                holes=life.holes,
                handed_over=life.complete,
            )
            for (worker, incarnation), life in self._lives.items()
            if life.lost_at is not None
        ]
        return sorted(found, key=lambda loss: (loss.until, loss.worker))

    def unfinished(self, worker: str) -> bool:
        """Whether Records are missing of a life of this worker that nobody gave up."""
        lives = self.of(worker).values()
        return not lives or any(life.lost_at is None and not life.complete for life in lives)

    def _given_up(self) -> Iterator[Life]:
        return (life for life in self._lives.values() if life.lost_at is not None and not life.complete)

    def lost_connections(self, group: str) -> int:
        """Connections whose end nobody saw, because their worker was lost."""
        return sum(life.open(group) for life in self._given_up())

    def lost_attempts(self, group: str) -> int:
        """Attempts to connect whose end nobody saw, because their worker was lost."""
        return sum(life.pending(group) for life in self._given_up())
