"""Subscribers of a group with `read`: slow consumers, whose lateness is their own and is kept apart.

What they get is counted like everybody's, but it is timed as `behind` and not as delivery, and no broadcast is judged
by them. How they read is slow_connection's.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from loadtest.fanout import AudienceReport
from loadtest.results.totals import UNREAD
from loadtest.schedule import ReadingPace
from loadtest.swarm.recorder import Meter
from loadtest.swarm.slow_connection import SlowConnection
from loadtest.swarm.subscribers import Subscribers
from loadtest.swarm.subscription import Endpoint, Subscription
from loadtest.swarm.websocket import Closed

if TYPE_CHECKING:
    from loadtest.profiles import Target, WebSocketGroup
    from loadtest.swarm.cluster.worker import WorkerSession

__all__ = ["SlowSubscribers", "SlowSubscription"]


class SlowSubscription(Subscription):
    """One connection of a slow consumer."""

    __slots__ = ("gone_at", "opened_at")

    shared: "SlowSubscribers"
    connection: SlowConnection

    def __init__(self, shared: Subscribers, endpoint: Endpoint, wake: Callable[[], None]) -> None:
        super().__init__(shared, endpoint, wake)
        self.opened_at = self.last
        self.gone_at: float | None = None
        """When the kernel was first seen to know that the server had ended it; the reader comes to that later."""

    def pace(self) -> ReadingPace:
        """How it reads, from now on."""
        return self.shared.pace()

    def opened(self) -> None:
        """The upgrade was accepted."""
        self.opened_at = self.shared.session.clock.monotonic()
        super().opened()

    def _time(self, send_time: float | None, received: float) -> None:
        """How old a message is when it is taken; what is read at full speed after our Close is only counted."""
        if send_time is not None and not self.connection.closing:
            if self.clock.offset is None:
                self.shared.tally.unclocked += 1
            else:
                self.shared.behinds.record(received + self.clock.offset - send_time)
        self.last = received
        self.silent = False

    def on_pong(self, rtt: float) -> None:
        """A pong waits in line behind the messages that were not taken yet."""
        if not self.connection.closing:
            self.shared.backlogs.record(rtt)

    def on_closed(self, end: Closed) -> None:
        """The connection is gone; if that was not our wish, after how long."""
        if end.by != "us":
            shared = self.shared
            until = self.gone_at or shared.session.clock.monotonic()
            shared.closings(end.name).record(until - self.opened_at)
        self.last = self._waits_since(self.shared.session.clock.monotonic())
        super().on_closed(end)

    def look_after(self, now: float) -> None:
        """Once a second."""
        if self.gone_at is None and self.connection.gone():
            self.gone_at = now
        last, self.last = self.last, self._waits_since(now)
        try:
            super().look_after(now)
        finally:
            self.last = last

    def _waits_since(self, now: float) -> float:
        """Since when the server is silent: only while the reader waits for it. A pause of its own is no silence."""
        starving = self.connection.starving_since
        return now if starving is None else max(self.last, starving)


class SlowSubscribers(Subscribers):
    """One group of slow consumers on one worker."""

    subscription = SlowSubscription
    connection = SlowConnection
    open: set[SlowSubscription]  # type: ignore[assignment]

    def __init__(self, session: "WorkerSession", name: str, group: "WebSocketGroup", target: "Target") -> None:
        super().__init__(session, name, group, target)
        recorder = session.recorder
        self.behinds = recorder.meter(name, "websocket", "behind", self._path)
        self.backlogs = recorder.meter(name, "websocket", "backlog", self._path)

    def _note_steps(self) -> None:
        super()._note_steps()
        self.behinds.step = self.deliveries.step

    def pace(self) -> ReadingPace:
        """How each connection reads, from now on."""
        read, now = self.group.read, self.session.clock.monotonic()
        if read is None:
            return ReadingPace(now)
        return ReadingPace(now, read.rate, read.pause or 0.0, read.every or 0.0)

    def closings(self, end: str) -> Meter:
        """How long connections had lasted that ended like this without our wish."""
        return self.session.recorder.meter(self.name, "websocket", "closed_after", end)

    def _gauges(self) -> dict[str, int]:
        """Also the bytes that wait in this machine's kernel, and for how many connections."""
        unread = [subscription.connection.unread() for subscription in self.open]
        return {**super()._gauges(), UNREAD: sum(unread), "behind": sum(map(bool, unread))}

    @property
    def _shares(self) -> bool:
        """No broadcast is judged by it: what it got minutes late would be missed by then, or taken for another one."""
        return False

    def _report(self, now: float, offset: float, error: float, late: float, *, final: bool) -> list[AudienceReport]:
        """Only what its connections missed: of broadcasts there is nothing to tell."""
        return [report for report in super()._report(now, offset, error, late, final=final) if report.missed]
