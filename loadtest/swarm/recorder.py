"""What happened, added up in this second's Record. The hot path touches a Meter or a Tally and nothing else."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from loadtest.clock import Clock
from loadtest.fanout import AudienceReport
from loadtest.histogram import Histogram
from loadtest.results import Measured, Record

__all__ = ["Meter", "Recorder", "Tally"]

NAMES_PER_GROUP = 500
"""Series and error names kept apart for a group; more of them (names with ids in them) share OTHER."""
OTHER = "(other)"
LONGEST = 500
"""Characters of a name. A Record with a longer one than it may have is refused, and with it a second of results."""


class Meter:
    """One series in the current second: attempts, failures, bytes, and the times of those that had one."""

    __slots__ = ("_untimed", "failures", "histogram", "key", "record", "record_all", "size", "step")

    def __init__(self, key: tuple[str, str, str, str]) -> None:
        self.key = key
        self.step: float = 0
        """As in Measured; it stays from second to second."""
        self._begin()

    def _begin(self) -> None:
        self._untimed = 0
        self.failures = 0
        self.size = 0
        self.histogram = Histogram()
        self.record: Callable[[float], None] = self.histogram.record
        """Count one that took so many seconds. The histogram's own method: one call less for each message."""
        self.record_all: Callable[[Sequence[float]], None] = self.histogram.record_all
        """Count one for each of these times."""

    @property
    def count(self) -> int:
        """All of them, those without a time included."""
        return self._untimed + self.histogram.count

    @count.setter
    def count(self, count: int) -> None:
        self._untimed = count - self.histogram.count

    def fail(self) -> None:
        """Count one that failed and has no time."""
        self._untimed += 1
        self.failures += 1

    def take(self) -> Measured | None:
        """What was measured since the last call (None if nothing was), and start anew."""
        if not self.count:
            return None
        wire = self.histogram.to_wire() if self.histogram.count else None
        measured = Measured(*self.key, self.count, self.failures, self.size, wire, self.step)
        self._begin()
        return measured


class Tally:
    """A group's counters in the current second, as attributes: one addition each on the hot path."""

    __slots__ = (
        "bad_messages",
        "closed_by_network",
        "closed_by_server",
        "closed_by_us",
        "connected",
        "connects",
        "connects_cancelled",
        "connects_failed",
        "due",
        "duplicated",
        "lost",
        "messages",
        "missed",
        "missed_meanwhile",
        "not_data",
        "pending_at_end",
        "queue_overflows",
        "received_bytes",
        "reordered",
        "requests",
        "requests_cancelled",
        "requests_failed",
        "retries",
        "sent",
        "sequence_restarts",
        "sequenced",
        "silences",
        "unclocked",
        "undated",
        "unreachable",
        "unstamped",
        "violations",
    )

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Back to zero."""
        for name in self.__slots__:
            setattr(self, name, 0)

    def take(self) -> dict[str, int]:
        """The counters that moved since the last call, and start anew."""
        counts = {name: value for name in self.__slots__ if (value := getattr(self, name))}
        self.clear()
        return counts

    bad_messages: int
    closed_by_network: int
    closed_by_server: int
    closed_by_us: int
    connected: int
    connects: int
    connects_cancelled: int
    connects_failed: int
    due: int
    duplicated: int
    lost: int
    messages: int
    missed: int
    missed_meanwhile: int
    not_data: int
    pending_at_end: int
    queue_overflows: int
    received_bytes: int
    reordered: int
    requests: int
    requests_cancelled: int
    requests_failed: int
    retries: int
    sent: int
    sequence_restarts: int
    sequenced: int
    silences: int
    unclocked: int
    undated: int
    unreachable: int
    unstamped: int
    violations: int


class Recorder:
    """Adds up what the users of one worker saw, and hands it out as one Record a second.

    Meters and tallies live as long as the worker: users hold on to them across seconds and runs.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.gauges: dict[str, Callable[[], dict[str, int]]] = {}
        """group -> what reads its state (users, open) at the end of a second"""
        self.audiences: list[Callable[..., list[AudienceReport]]] = []
        """each tells, given (now, offset, error, late) and `final`, what its connections got"""
        self._meters: dict[tuple[str, str, str, str], Meter] = {}
        self._tallies: dict[str, Tally] = defaultdict(Tally)
        self._errors: dict[str, Counter[str]] = defaultdict(Counter)
        self._endings: dict[str, Counter[str]] = defaultdict(Counter)
        self._names: Counter[str] = Counter()
        self._error_names: dict[str, set[str]] = defaultdict(set)

    def meter(self, group: str, kind: str, measure: str, name: str) -> Meter:
        """The meter of a series; always the same object. Past NAMES_PER_GROUP, the one named OTHER."""
        key = (group, kind, measure, name)
        known = self._meters.get(key)
        if known is not None:
            return known
        if (fit := _fitting(name)) != name:
            return self.meter(group, kind, measure, fit)
        if self._names[group] >= NAMES_PER_GROUP and name != OTHER:
            return self.meter(group, kind, measure, OTHER)
        self._names[group] += 1
        meter = self._meters[key] = Meter(key)
        return meter

    def tally(self, group: str) -> Tally:
        """The counters of a group; always the same object."""
        return self._tallies[group]

    def error(self, group: str, name: str) -> None:
        """Count an error under its stable name. Names are bounded: text with ids in it must not grow a Record."""
        names = self._error_names[group]
        if name not in names:
            name = _fitting(name)
        if name not in names:
            if len(names) >= NAMES_PER_GROUP:
                name = OTHER
            names.add(name)
        self._errors[group][name] += 1

    def ending(self, group: str, what: str, why: str) -> None:
        """Count what became of a connection, and why: a close code, or the stable name of an error."""
        endings = self._endings[group]
        ending = _fitting(why if why.startswith(what) else f"{what}: {why}")
        if ending not in endings and len(endings) >= NAMES_PER_GROUP:
            ending = f"{what}: {OTHER}"
        endings[ending] += 1

    def hear(self, now: float, offset: float, error: float, late: float, *, final: bool) -> list[AudienceReport]:
        """What the connections of every group got; `offset` ± `error` (s) leads to the master's monotonic clock.

        What was read without the kernel's receive time was read at most `late` (s) after it came.
        """
        return [report for tell in self.audiences for report in tell(now, offset, error, late, final=final)]

    def take(
        self,
        run: str,
        worker: str,
        life: tuple[int, int],
        second: int,
        health: dict[str, float],
        audiences: list[AudienceReport] | None = None,
        *,
        final: bool = False,
    ) -> Record:
        """Everything since the last call as one Record; `life` is (incarnation, serial)."""
        series = [measured for meter in self._meters.values() if (measured := meter.take())]
        counters = {group: counts for group, tally in self._tallies.items() if (counts := tally.take())}
        errors = {group: dict(counts) for group, counts in self._errors.items() if counts}
        self._errors.clear()
        endings = {group: dict(counts) for group, counts in self._endings.items() if counts}
        self._endings.clear()
        gauges = {group: read() for group, read in self.gauges.items()}
        told = audiences or []
        return Record(
            run, worker, life[0], life[1], second, series, counters, errors, gauges, health, final, told, endings
        )

    def forget(self) -> None:
        """Drop what has been added since the last Record: a new run begins with nothing."""
        self.take("", "", (0, 0), 0, {})


def _fitting(name: str) -> str:
    """A name as a Record can hold it: UTF-8 can't say half of a surrogate pair, which a message may put into it."""
    return name[:LONGEST].encode("utf-8", "replace").decode()
