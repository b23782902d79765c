"""The broadcasts of a run over all workers: put together, waited for, and judged once. The master's part.

A broadcast is judged when every worker has told what happened until well after its last receive, and all connections
that count have it, or WAIT_US have passed.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from loadtest.fanout.attendance import STAY_US, Attendance
from loadtest.fanout.audience import MAX_JUMP, NEAR
from loadtest.fanout.identity import Identified, Merged
from loadtest.fanout.occurrences import LATE_US
from loadtest.fanout.reports import AudienceReport, Outcome

__all__ = ["Channel", "Fanout"]

SETTLE_US = 5_000_000
"""Joins and broadcasts are told some seconds late; by now after a moment, all of it was told."""
WAIT_US = LATE_US
"""A delivery that comes later than this after the first one counts as missed."""
GONE_US = 30_000_000
"""A worker that has told nothing for this long after that is not waited for, and its connections do not count."""
RECENT = 64
"""By so many broadcasts it is told whether they reach one connection each."""


class Channel:
    """One group at one target, on all workers."""

    def __init__(self, group: str, path: str) -> None:
        self._group = group
        self._path = path
        self._workers: dict[str, Attendance] = defaultdict(Attendance)
        self._identified = Identified()
        self._waiting: list[Merged] = []
        self._singles: deque[bool] = deque(maxlen=RECENT)
        self._highest: int | None = None
        self._off = False
        self._certain = False
        self._errors: dict[str, int] = {}
        self._late = 0
        self._origin = 0

    def add(self, worker: str, second: int, report: AudienceReport, *, final: bool) -> None:
        """Take in what a worker told at the end of a second of run time; its reports come in order."""
        self._origin = report.through - (second + 1) * 1_000_000
        attendance = self._workers[worker]
        attendance.through = max(attendance.through, report.through)
        attendance.done = attendance.done or final
        self._off = self._off or report.off
        self._certain = report.certain
        self._errors[worker] = max(report.error, self._errors.get(worker, 0))
        self._late = max(self._late, report.late)
        attendance.add(report.joined, report.left)
        for heard in report.heard:
            self._identified.add(worker, heard)

    @property
    def _floor(self) -> float:
        """How far (s) two receive times of one broadcast may be off: by two clocks, and as one is read late."""
        worst = sorted(self._errors.values())[-2:]
        return (self._late + (sum(worst) if len(worst) > 1 else 0)) / 1e6

    def settle(self, *, final: bool = False) -> Iterator[Outcome]:
        """Judge what can be judged now; `final`: everything that is left."""
        if not self._workers:
            return
        newest = max(a.through for a in self._workers.values())
        slowest = min((a.through for a in self._workers.values() if not a.done), default=newest)
        slowest = newest if final else max(slowest, newest - WAIT_US - GONE_US)
        for merged in self._identified.take(newest if final else slowest - SETTLE_US):
            yield from self._unseen(merged)
            self._waiting.append(merged)
        waiting, self._waiting = self._waiting, []
        for merged in waiting:
            outcome = self._try(merged, slowest, final=final)
            if outcome is None:
                self._waiting.append(merged)
            else:
                self._identified.done(merged)
                yield outcome
        oldest = min((m.first for m in self._waiting), default=slowest - SETTLE_US)
        oldest = min(oldest, self._identified.oldest(default=oldest))
        for attendance in self._workers.values():
            attendance.forget(oldest - STAY_US)

    def _try(self, merged: Merged, slowest: int, *, final: bool) -> Outcome | None:
        """Judge it, unless more may be told of it."""
        over = final or slowest >= merged.first + WAIT_US + SETTLE_US  # by then the last of it was told
        if not final and (slowest < merged.last + SETTLE_US or not (over or merged.changed)):
            return None
        merged.changed = False
        expected, counted = self._attended(merged)
        return self._judge(merged, expected, counted) if over or counted >= expected else None

    def _unseen(self, merged: Merged) -> Iterator[Outcome]:
        """The numbers that nobody got between the highest so far and this one."""
        number = merged.number
        if number is None:
            return
        if self._highest is None or number < self._highest - NEAR:
            self._highest = number
            return
        gap = number - self._highest - 1
        if 0 < gap < MAX_JUMP and not self._off:
            missing = gap - self._identified.known_between(self._highest, number)
            expected, _ = self._attended(merged)
            if missing and expected and (expected == 1 or not self._stray(merged)):
                about = Outcome(self._group, self._path, self._second(merged), missing, numbered=True)
                yield about._replace(judged=True, expected=expected * missing)
        self._highest = max(self._highest, number)

    def _second(self, merged: Merged) -> int:
        return max(0, merged.first - self._origin) // 1_000_000

    def _attended(self, merged: Merged) -> tuple[int, int]:
        """(connections that count for it, how many of them got it), on the workers that have told all of it."""
        expected = counted = 0
        for worker, attendance in self._workers.items():
            if not attendance.covers(merged.last + STAY_US):
                continue
            expected += attendance.count(merged.first, merged.last)
            if worker in merged.got:
                uncounted = attendance.uncounted(merged.numbers[worker], merged.first, merged.last)
                counted += merged.got[worker] - uncounted
        return expected, counted

    def _stray(self, merged: Merged) -> bool:
        """Whether it may be a message to one connection and no broadcast."""
        return not self._certain and sum(merged.got.values()) == 1

    def _judge(self, merged: Merged, expected: int, counted: int) -> Outcome:
        alone = expected < 2  # noqa: PLR2004 - one connection: without numbers nobody knows what it did not get
        stray = self._stray(merged)
        if not alone:
            self._singles.append(stray)
        outcome = Outcome(self._group, self._path, self._second(merged), numbered=merged.number is not None)
        own = 2 * sum(self._singles) > len(self._singles) and not self._certain
        told_apart = not stray or (merged.number is not None and not merged.contested)
        unknown = merged.number is None if alone else own or not told_apart
        if self._off or unknown or not 0 <= counted <= expected or not expected:
            return outcome
        spread = (merged.last - merged.first) / 1e6 if counted > 1 and not merged.again else None
        return outcome._replace(judged=True, expected=expected, counted=counted, skew=spread, error=self._floor)


@dataclass(slots=True)
class _Sender:
    """One life of a worker: its Records are taken in the order in which it made them."""

    due: int = 0
    early: dict[int, tuple[int, list[AudienceReport], bool]] = field(default_factory=dict)
    """serial -> (second, reports, whether it is its last)"""


class Told(Protocol):
    """What is read of a Record."""

    @property
    def worker(self) -> str:
        """Who made it."""

    @property
    def incarnation(self) -> int:
        """In which of its lives."""

    @property
    def serial(self) -> int:
        """The how manieth of that life, from 0."""

    @property
    def second(self) -> int:
        """Of run time."""

    @property
    def fanout(self) -> list[AudienceReport]:
        """What its audiences got."""

    @property
    def final(self) -> bool:
        """Whether it is the last of that life."""


class Fanout:
    """All channels of a run. Records may come late, but each once."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, str], Channel] = {}
        self._senders: dict[str, _Sender] = defaultdict(_Sender)

    def add(self, record: Told) -> list[Outcome]:
        """Take in a Record, once; returns what could be judged since."""
        worker = f"{record.worker}/{record.incarnation}"
        sender = self._senders[worker]
        sender.early[record.serial] = (record.second, record.fanout, record.final)
        while sender.due in sender.early:
            self._take(worker, *sender.early.pop(sender.due))
            sender.due += 1
        return list(self._settle(self._channels.values(), final=False))

    def finish(self) -> list[Outcome]:
        """The run is over: judge all that is left."""
        for worker, sender in self._senders.items():
            for serial in sorted(sender.early):
                self._take(worker, *sender.early.pop(serial))
        return list(self._settle(self._channels.values(), final=True))

    def _take(self, worker: str, second: int, reports: list[AudienceReport], final: bool) -> None:  # noqa: FBT001 - as it was kept
        for report in reports:
            key = (report.group, report.target)
            channel = self._channels.get(key)
            if channel is None:
                channel = self._channels[key] = Channel(report.group, report.path)
            channel.add(worker, second, report, final=final)

    @staticmethod
    def _settle(channels: Iterable[Channel], *, final: bool) -> Iterator[Outcome]:
        for channel in channels:
            yield from channel.settle(final=final)
