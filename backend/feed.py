"""What happens by itself.

The market's ticks, alerts, outages of the feed. It moves the market and tells who must know.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from backend.alerts import Alerts
from backend.market import Market
from backend.settings import Settings

__all__ = ["Feed", "Listener"]

OUTAGE = 1.0  # s


class Listener(Protocol):
    """Who is told."""

    def market_changed(self) -> None:
        """There was a tick."""

    def alert_made(self, alert: dict[str, Any]) -> None:
        """There is a new alert."""

    def feed_changed(self, *, connected: bool) -> None:
        """The feed went down, or came back."""


class Feed:
    """Ticks the market `tick_rate` times a second; ticks that come late are made up for one by one."""

    def __init__(
        self,
        settings: Settings,
        market: Market,
        alerts: Alerts,
        listener: Listener,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._market = market
        self._alerts = alerts
        self._listener = listener
        self._wall = wall
        self._next_change = settings.feed_change_interval or float("inf")

    async def run(self) -> None:
        """Tick until cancelled."""
        interval = 1 / self._settings.tick_rate
        start = time.monotonic()
        ticks = 0
        while True:
            ticks += 1
            await asyncio.sleep(max(0.0, start + ticks * interval - time.monotonic()))
            self.tick(ticks * interval)

    def tick(self, run_time: float) -> None:
        """Make one tick, `run_time` s after the start."""
        self._market.tick(self._wall())
        self._listener.market_changed()
        for alert in self._alerts.due(run_time, self._wall()):
            self._listener.alert_made(alert)
        if run_time >= self._next_change:
            self._market.feed_connected = connected = not self._market.feed_connected
            self._next_change = run_time + (self._settings.feed_change_interval if connected else OUTAGE)
            self._listener.feed_changed(connected=connected)
