"""Seeded alerts about the market, and the list of the last ones. No clock, no event loop, no HTTP."""

import random
from collections import deque
from typing import Any, Literal, get_args

from backend.market import SYMBOLS, iso

__all__ = ["MAX_LIMIT", "AlertType", "Alerts", "Severity"]

AlertType = Literal["foreign_acceleration", "basis_divergence", "volume_spike", "price_breakout"]
Severity = Literal["info", "warning", "critical"]

MAX_LIMIT = 200
"""How many alerts are kept, and the most that may be asked for."""

_TEXTS: dict[str, str] = {
    "foreign_acceleration": "{symbol}: foreign flow accelerates, {size} times the last hour's",
    "basis_divergence": "VN30F1M is {size} points off the index",
    "volume_spike": "{symbol}: volume is {size} times the usual",
    "price_breakout": "{symbol}: price left its range by {size} %",
}


class Alerts:
    """Makes alerts at `rate` per second on average, and keeps the last 200."""

    def __init__(self, seed: int, rate: float) -> None:
        self._random = random.Random(f"alerts {seed}")
        self._rate = rate
        self._due = 1 / rate if rate else float("inf")
        self._made = 0
        self._kept: deque[dict[str, Any]] = deque(maxlen=MAX_LIMIT)

    def due(self, run_time: float, now: float) -> list[dict[str, Any]]:
        """Make the alerts that became due until `run_time` (s since the start), stamped `now` (s since the epoch)."""
        made = []
        while self._due <= run_time:
            made.append(self._make(now))
            self._due += self._random.uniform(0.5, 1.5) / self._rate
        self._kept.extendleft(made)
        return made

    def latest(self, limit: int, alert_type: str | None = None, severity: str | None = None) -> list[dict[str, Any]]:
        """Give up to `limit` alerts of a type and severity (None: any), newest first."""
        fitting = (
            alert
            for alert in self._kept
            if alert_type in (None, alert["alert_type"]) and severity in (None, alert["severity"])
        )
        return [alert for alert, _ in zip(fitting, range(limit), strict=False)]

    def _make(self, now: float) -> dict[str, Any]:
        draw = self._random
        self._made += 1
        alert_type = draw.choice(get_args(AlertType))
        symbol = "VN30F1M" if alert_type == "basis_divergence" else draw.choice(SYMBOLS)
        size = round(draw.uniform(1.5, 9.5), 1)
        return {
            "id": f"alert-{self._made}",
            "alert_type": alert_type,
            "severity": draw.choice(get_args(Severity)),
            "symbol": symbol,
            "message": _TEXTS[alert_type].format(symbol=symbol, size=size),
            "timestamp": iso(now),
            "data": {"size": size},
        }
