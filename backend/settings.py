"""What can be set from outside, read once from the environment. Nothing here acts on it.

The target's own settings:

| variable | default | meaning |
| --- | --- | --- |
| `WS_AUTH_TOKEN` | empty | the token that `?token=` of an upgrade must have; empty: no token needed |
| `WS_MAX_CONNECTIONS_PER_IP` | 5 | open subscribers per client address; 0: no limit |
| `WS_QUEUE_SIZE` | 50 | messages that wait for one slow subscriber before the oldest is dropped |
| `WS_THROTTLE_INTERVAL_MS` | 500 | the least time between two broadcasts of market, foreign or index |
| `WS_HEARTBEAT_INTERVAL` | 30.0 | seconds between the binary `ping` messages of one connection |
| `WS_HEARTBEAT_TIMEOUT` | 10.0 | seconds after which a connection whose heartbeat can't be written is closed |

The demo's:

| variable | default | meaning |
| --- | --- | --- |
| `DEMO_TICK_RATE` | 10 | market changes per second |
| `DEMO_SEED` | 1 | seed of the market |
| `DEMO_ALERT_RATE` | 1 | alerts per second, on average |
| `DEMO_FEED_CHANGE_INTERVAL` | 60 | seconds between simulated outages of the feed (one second each); 0: none |
| `DEMO_STATS_CONNECTIONS` | 5000 | closed connections that `/stats` keeps in detail (totals always count all) |
| `DEMO_COMPRESSION` | 0 | 1: accept permessage-deflate (`python -m backend`; plain uvicorn has its own option) |
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

__all__ = ["Settings", "SettingsError"]


class SettingsError(ValueError):
    """Raised for environment variables that can't be used, with a sentence for each."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings with their defaults; lengths of time in seconds, rates per second."""

    token: str = field(default="", repr=False)
    max_connections_per_address: int = 5
    queue_size: int = 50
    throttle: float = 0.5
    heartbeat_interval: float = 30.0
    heartbeat_timeout: float = 10.0
    tick_rate: float = 10.0
    seed: int = 1
    alert_rate: float = 1.0
    feed_change_interval: float = 60.0
    kept_connections: int = 5000
    compression: bool = False

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the variables above; an empty one is as good as none.

        Raises:
            SettingsError: a value is not a number, or out of range.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for name, (key, parse) in _VARIABLES.items():
            if text := environ.get(name, "").strip():
                try:
                    values[key] = parse(text)
                except ValueError as problem:
                    problems.append(f"{name}: {problem}")
        if problems:
            raise SettingsError("; ".join(problems))
        return cls(**values)


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError("must be a whole number") from None
        if number < least:
            raise ValueError(f"must be at least {least}")
        return number

    return parse


def _number(*, zero: bool, scale: float = 1.0) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise ValueError("must be a number") from None
        if not isfinite(number) or number < 0 or (number == 0 and not zero):
            raise ValueError("must be 0 or more" if zero else "must be more than 0")
        return number * scale

    return parse


def _switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("must be 0 or 1")
    return text == "1"


_VARIABLES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "WS_AUTH_TOKEN": ("token", str),
    "WS_MAX_CONNECTIONS_PER_IP": ("max_connections_per_address", _whole(0)),
    "WS_QUEUE_SIZE": ("queue_size", _whole(1)),
    "WS_THROTTLE_INTERVAL_MS": ("throttle", _number(zero=True, scale=0.001)),
    "WS_HEARTBEAT_INTERVAL": ("heartbeat_interval", _number(zero=False)),
    "WS_HEARTBEAT_TIMEOUT": ("heartbeat_timeout", _number(zero=False)),
    "DEMO_TICK_RATE": ("tick_rate", _number(zero=False)),
    "DEMO_SEED": ("seed", _whole(0)),
    "DEMO_ALERT_RATE": ("alert_rate", _number(zero=True)),
    "DEMO_FEED_CHANGE_INTERVAL": ("feed_change_interval", _number(zero=True)),
    "DEMO_STATS_CONNECTIONS": ("kept_connections", _whole(0)),
    "DEMO_COMPRESSION": ("compression", _switch),
}
