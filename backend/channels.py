"""The four channels: who subscribes, when a broadcast is due, and its bytes, built once for everyone.

No sockets: see `backend.subscriber`.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from backend.faults import Faults
from backend.stats import ChannelTotals
from backend.subscriber import Broadcast, Subscriber
from backend.wire import text_frame

__all__ = ["CHANNELS", "Channel", "Throttled", "stamped", "status_frame"]

CHANNELS = ("market", "foreign", "index", "alerts")


def stamped(body: bytes, server_time: float, seq: int) -> bytes:
    """Add send time (s since the epoch) and sequence number to a non-empty JSON object."""
    return b'%b,"server_time":%b,"seq":%d}' % (body[:-1], repr(server_time).encode(), seq)


def status_frame(*, connected: bool) -> bytes:
    """Frame the message that tells whether the market's feed is up."""
    return text_frame(json.dumps({"type": "status", "connected": connected}).encode())


@dataclass(slots=True)
class Channel:
    """One channel and its subscribers, by their numbers."""

    name: str
    totals: ChannelTotals
    subscribers: dict[int, Subscriber] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where it is subscribed to."""
        return f"/ws/{self.name}"

    def broadcast(self, body: bytes, faults: Faults) -> None:
        """Send a JSON object to every subscriber: one sequence number, one time, the same bytes."""
        self.totals.broadcasts += 1
        frame = text_frame(stamped(body, time.time(), self.totals.broadcasts))
        now = time.monotonic()
        message = Broadcast(frame, now)
        if faults and faults.act_on_messages(self.path, now):
            for number, subscriber in list(self.subscribers.items()):
                subscriber.publish(message, faults.on_message(self.path, number, now))
        else:
            for subscriber in self.subscribers.values():
                subscriber.publish(message, None)


class Throttled:
    """Calls `act` for changes, at most once per `interval` (s).

    What changes in between is told at its end (trailing edge).
    """

    def __init__(self, interval: float, act: Callable[[], None]) -> None:
        self._interval = interval
        self._act = act
        self._last = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def changed(self) -> None:
        """Tell of a change."""
        if self._timer is None:
            wait = self._last + self._interval - time.monotonic()
            self._timer = asyncio.get_running_loop().call_later(max(wait, 0.0), self._run)

    def stop(self) -> None:
        """Forget a change that wasn't told yet."""
        if self._timer is not None:
            self._timer.cancel()

    def _run(self) -> None:
        now = time.monotonic()
        self._timer = None
        if now < self._last + self._interval:  # a loop's timer may be early by a part of a millisecond
            self.changed()
            return
        self._last = now
        self._act()
