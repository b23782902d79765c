"""The witness: exact counts of what this backend did, per path, channel and connection.

It only counts; others say what happened.

For each connection, and for their sums: `published + duplicated = written + all of dropped + waiting`. `written`
counts data messages that stand before the server's Close in the TCP stream (see `backend.wire`); heartbeats and
status messages are counted apart. Details of closed connections are kept for the last `kept` of them; the sums always
contain all.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ChannelTotals", "ConnectionRecord", "MessageCounts", "Stats"]


@dataclass(slots=True)
class MessageCounts:
    """Messages of one connection, or of many."""

    published: int = 0
    """Broadcasts of its channel while it was connected."""
    written: int = 0
    duplicated: int = 0
    """Extra copies made by a fault."""
    swapped: int = 0
    """Pairs that went out in the other order."""
    delayed: int = 0
    delay_s: float = 0.0
    """What the delays add up to; a message that only waits behind a delayed one isn't in it."""
    stalled: int = 0
    heartbeats: int = 0
    status: int = 0
    received: int = 0
    """Messages from the client."""
    dropped: Counter[str] = field(default_factory=Counter)
    """By reason: queue_full, fault, cut, closed (it was waiting when the connection ended, or came later)."""

    def add(self, other: "MessageCounts") -> None:
        """Add another's counts to these."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.dropped.update(other.dropped)

    def to_json(self) -> dict[str, Any]:
        """Give all of it, ready for JSON."""
        return {name: getattr(self, name) for name in _NUMBERS} | {"dropped": dict(self.dropped)}


_NUMBERS = tuple(name for name in MessageCounts.__dataclass_fields__ if name != "dropped")


@dataclass(slots=True)
class ConnectionRecord:
    """One WebSocket connection; times in seconds since the epoch."""

    id: int
    path: str
    client: str
    """address:port"""
    opened_at: float
    counts: MessageCounts = field(default_factory=MessageCounts)
    waiting: int = 0
    """Messages neither written nor dropped yet."""
    closed_at: float | None = None
    closed_by: str | None = None
    """client, server, or network: there was no Close from either, and the server didn't end it."""
    close_code: int | None = None
    why: str | None = None
    """The server's reason, where it had one: cut, heartbeat timeout."""

    def to_json(self) -> dict[str, Any]:
        """Give all of it, ready for JSON."""
        closed = None if self.closed_at is None else {"by": self.closed_by, "code": self.close_code, "why": self.why}
        about = {
            "id": self.id,
            "path": self.path,
            "client": self.client,
            "opened_at": self.opened_at,
            "closed_at": self.closed_at,
        }
        return about | {"closed": closed, "waiting": self.waiting} | self.counts.to_json()

    @property
    def ending(self) -> str:
        """Say who closed and with which code, such as `client 1000`."""
        return self.closed_by or "open" if self.close_code is None else f"{self.closed_by} {self.close_code}"


@dataclass(slots=True)
class ChannelTotals:
    """One channel since the start."""

    broadcasts: int = 0
    accepted: int = 0
    closed: Counter[str] = field(default_factory=Counter)
    """By how, such as `client 1000`."""
    ended: MessageCounts = field(default_factory=MessageCounts)
    """Sums over closed connections."""


class Stats:
    """All counts since the start. `channels` are the names of the WebSocket channels."""

    def __init__(self, channels: Iterable[str], started_at: float, kept: int) -> None:
        self.started_at = started_at
        self.requests: Counter[tuple[str, int]] = Counter()
        """Answered requests by path and status."""
        self.abandoned: Counter[str] = Counter()
        """Requests whose client was gone before the answer, by path."""
        self.refused: Counter[str] = Counter()
        """Upgrades that were answered with 403 or 503, by reason: token, limit, path, fault."""
        self.effects: Counter[str] = Counter()
        """What faults did to requests, by kind (what they did to messages is in the channels)."""
        self.channels = {name: ChannelTotals() for name in channels}
        self.open: dict[int, tuple[str, ConnectionRecord]] = {}
        self._closed: deque[ConnectionRecord] = deque(maxlen=kept)
        self._numbers = 0

    def opened(self, channel: str, path: str, client: str, now: float) -> ConnectionRecord:
        """Begin to count for a connection that was just accepted."""
        self._numbers += 1
        record = ConnectionRecord(self._numbers, path, client, now)
        self.open[record.id] = (channel, record)
        self.channels[channel].accepted += 1
        return record

    def closed(self, record: ConnectionRecord, by: str, code: int | None, now: float) -> None:
        """End the count of a connection: nothing will be written to it any more."""
        channel, _ = self.open.pop(record.id)
        if by == "network" and record.why:
            by = "server"
        record.closed_at, record.closed_by, record.close_code = now, by, code
        totals = self.channels[channel]
        totals.closed[record.ending] += 1
        totals.ended.add(record.counts)
        self._closed.append(record)

    def messages(self, channel: str) -> tuple[MessageCounts, int, int]:
        """Sum over all connections of a channel: counts, messages waiting, connections open."""
        counts, waiting, connections = MessageCounts(), 0, 0
        counts.add(self.channels[channel].ended)
        for name, record in self.open.values():
            if name == channel:
                counts.add(record.counts)
                waiting += record.waiting
                connections += 1
        return counts, waiting, connections

    def to_json(self, now: float, connections: int | None = None) -> dict[str, Any]:
        """Give everything, with the newest `connections` connections (None: all that are known), oldest first."""
        requests: dict[str, dict[str, int]] = {}
        for (path, status), count in sorted(self.requests.items()):
            requests.setdefault(path, {})[str(status)] = count
        known = [*self._closed, *(record for _, record in self.open.values())] if connections != 0 else []
        known.sort(key=lambda record: record.id)
        return {
            "started_at": self.started_at,
            "now": now,
            "requests": requests,
            "abandoned": dict(self.abandoned),
            "refused": dict(self.refused),
            "effects": dict(self.effects),
            "channels": {name: self._channel_json(name) for name in self.channels},
            "connections": [record.to_json() for record in known[-(connections or len(known)) :]],
        }

    def _channel_json(self, name: str) -> dict[str, Any]:
        counts, waiting, connections = self.messages(name)
        totals = self.channels[name]
        about = {
            "broadcasts": totals.broadcasts,
            "accepted": totals.accepted,
            "open": connections,
            "closed": dict(totals.closed),
        }
        return about | {"waiting": waiting} | counts.to_json()
