"""A worker's connections by hand: what each received when, and what the master makes of the workers' reports."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from loadtest.fanout import Audience, Broadcast, Fanout, Follower, Outcome

KEY = ("g", "http://a", "/ws")


@dataclass
class Seen:
    """What is known of a payload; as messages.Inspected."""

    sequence: int | None
    broadcast: Broadcast | None = None


@dataclass
class Told:
    """A Record, as far as fan-out reads it."""

    worker: str
    serial: int
    second: int
    fanout: list[Any]
    final: bool = False
    incarnation: int = 0


@dataclass
class Counts:
    """The counters of a group, for its workers together."""

    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    sequence_restarts: int = 0
    missed_meanwhile: int = 0


@dataclass
class Worker:
    """One worker: an Audience, its followers by name, and its clock `ahead` of the master's by so many seconds."""

    name: str
    ahead: float = 0.0
    error: float = 0.0
    late: float = 0.0
    shares: bool | None = None
    counts: Counts = field(default_factory=Counts)
    followers: dict[str, Follower] = field(default_factory=dict)
    serial: int = 0

    def __post_init__(self) -> None:
        self.audience = Audience(self.counts, KEY, shares=self.shares)
        self.seen: dict[tuple[int | None, bytes], Seen] = {}

    def get(self, who: str, at: float, payload: bytes, sequence: int | None = None) -> Follower:
        """A connection gets a message at a moment of the master's clock: what Subscription.on_message does."""
        at += self.ahead
        follower = self.followers.setdefault(who, Follower(at))
        seen = self.seen.setdefault((sequence, payload), Seen(sequence))
        broadcast = seen.broadcast
        if broadcast is not None and broadcast.turn == follower.next:
            follower.next += 1
            broadcast.hear(at)
        else:
            self.audience.place(follower, seen, payload, at)
        follower.last = at
        return follower

    def leave(self, who: str, at: float) -> None:
        """A connection is gone."""
        self.audience.leave(self.followers.pop(who), at + self.ahead)

    def tell(self, at: float, *, final: bool = False) -> Told:
        """The Record of the second that ends now."""
        now = at + self.ahead
        for follower in self.followers.values():
            self.audience.look_after(follower, now)
        report = self.audience.report(now, -self.ahead, self.error, final=final)
        report = structs.replace(report, late=round(self.late * 1e6))
        self.serial += 1
        return Told(self.name, self.serial - 1, max(0, round(at) - 1), [report], final)


def sums(outcomes: Iterable[Outcome]) -> Counter[str]:
    """Broadcasts, expected and counted deliveries of those that could be judged, and how many could not."""
    total: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome.judged:
            total["broadcasts"] += outcome.broadcasts
            total["expected"] += outcome.expected
            total["counted"] += outcome.counted
        else:
            total["unjudged"] += outcome.broadcasts
    return total


def finished(workers: list[Worker], end: float) -> list[Outcome]:
    """Everybody leaves at `end`, and the master judges what was told: nothing at the start, and the rest at the end."""
    fanout = Fanout()
    outcomes = [outcome for worker in workers for outcome in fanout.add(worker.tell(0.0))]
    for worker in workers:
        for who in list(worker.followers):
            worker.leave(who, end)
        outcomes += fanout.add(worker.tell(end, final=True))
    return outcomes + fanout.finish()
