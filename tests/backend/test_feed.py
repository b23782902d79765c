from typing import Any

from backend.alerts import Alerts
from backend.feed import Feed
from backend.market import Market
from backend.settings import Settings


class Listener:
    def __init__(self) -> None:
        self.ticks = 0
        self.alerts: list[dict[str, Any]] = []
        self.feed: list[tuple[float, bool]] = []
        self.run_time = 0.0

    def market_changed(self) -> None:
        self.ticks += 1

    def alert_made(self, alert: dict[str, Any]) -> None:
        self.alerts.append(alert)

    def feed_changed(self, *, connected: bool) -> None:
        self.feed.append((self.run_time, connected))


def heard(seconds: int, **settings: Any) -> Listener:
    listener = Listener()
    given = Settings(**settings)
    feed = Feed(given, Market(1, 0.0), Alerts(1, given.alert_rate), listener, wall=lambda: 0.0)
    for tick in range(1, seconds * 10 + 1):
        listener.run_time = tick / 10
        feed.tick(tick / 10)
    return listener


def test_everyone_is_told_of_every_tick_and_alert() -> None:
    listener = heard(60, alert_rate=2.0)
    assert listener.ticks == 600
    assert 110 < len(listener.alerts) < 130


def test_the_feed_goes_down_once_per_interval_for_a_second() -> None:
    assert heard(25, feed_change_interval=10.0).feed == [(10.0, False), (11.0, True), (21.0, False), (22.0, True)]


def test_the_feed_can_be_left_alone() -> None:
    assert heard(25, feed_change_interval=0.0).feed == []
