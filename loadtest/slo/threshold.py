"""Threshold: what an SLO's text says, as a value that prints as that text. Reading texts is grammar.py's."""

from dataclasses import dataclass
from typing import Literal

from loadtest.histogram import HIGHEST_S

__all__ = ["BY_DESIGN", "COUNTS", "MEASURES", "SHARES", "TIMED_UP_TO_S", "UNITS", "Action", "Phase", "Threshold"]

Phase = Literal["all", "ramp", "plateau"]
Action = Literal["fail", "warn", "abort"]

MEASURES = {
    "websocket": ("delivery", "connect", "gap", "ping", "skew", "reconnect", "freshness", "behind", "backlog"),
    "rest": ("response", "service", "connect"),
}
"""kind -> its measures; the first is the default."""

BY_DESIGN = ("behind", "backlog")
"""Measures that only groups have which read slowly. Such a group is in no other SLO that does not name it."""

SHARES = {"errors": None, "completeness": "websocket", "missed": "rest"}
"""What is judged as a share of something -> the kind that has it (None: both)."""

COUNTS = {"lost": "websocket", "duplicated": "websocket", "reordered": "websocket", "silences": "websocket"}
"""What is judged by how often it happened -> the kind that has it."""

ON_ARRIVAL = ("connect", "reconnect", "reconnected")
"""Measures of what happens when users come."""

TIMED_UP_TO_S = HIGHEST_S
"""Longer times are counted as this: a limit from here on would prove nothing."""

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Threshold:
    """One SLO. `limit` is in seconds, a share (0.01 for 1 %), a number, or per second; `str()` gives canonical text."""

    scope: str | None
    """A group, "websocket", "rest", or None: everywhere."""
    measure: str
    """One of MEASURES, SHARES or COUNTS, or "rate" or "reconnected"."""
    name: str | None
    aggregate: str
    """pNN, mean, max or (of a gap) jitter of times (pNN for reconnected); else "ratio", "count" or "rate"."""
    op: str
    limit: float
    unit: str
    """As written: of time, "%", "/s", or nothing for a count."""
    window: int | None = None
    """`for`: seconds; the SLO must hold in every window of so many."""
    during: Phase | None = None
    """None: as `phase` says."""
    action: Action = "fail"
    """What a breach does: fail the run, warn, or end the run early (and fail it)."""
    patience: int = 0
    """`abort after`: for how many seconds on end it may be breached before the run is ended."""

    @property
    def text(self) -> str:
        """The canonical text."""
        return str(self)

    @property
    def scale(self) -> float:
        """How many of the base unit (s, or 1 for a share) make one of `unit`."""
        return 0.01 if self.unit == "%" else UNITS.get(self.unit, 1.0)

    @property
    def subject(self) -> str:
        """What is judged, without the limit: `rest response p95`."""
        if self.measure == "reconnected":
            return self._words(f"reconnected {self.aggregate[1:]}%")
        if self.aggregate in ("ratio", "count", "rate"):
            return self._words(self.measure)
        name = None if self.name is None else f'"{self.name}"'
        return self._words(self.measure, name, self.aggregate)

    def _words(self, *words: str | None) -> str:
        return " ".join(word for word in (self.scope, *words) if word is not None)

    @property
    def timed(self) -> bool:
        """Whether its limit is a time."""
        return self.unit in UNITS

    @property
    def steady(self) -> bool:
        """Whether it is about a load that holds: a rate, or times other than those of connecting."""
        timed = self.aggregate not in ("ratio", "count") and self.measure not in ON_ARRIVAL
        return self.measure == "rate" or timed

    def phase(self, *, plateau: bool) -> Phase:
        """What it is judged by in a run that has a plateau or not."""
        if self.during is not None:
            return self.during
        return "plateau" if self.steady and plateau else "all"

    def __str__(self) -> str:
        limit = f"{self.limit / self.scale:.6f}".rstrip("0").rstrip(".")
        words = [self.subject, self.op, limit + self.unit]
        if self.window is not None:
            words.append(f"for {self.window}s")
        if self.during is not None:
            words.append(f"during {self.during}")
        if self.action == "warn":
            words.append("warn")
        elif self.action == "abort":
            words.append(f"abort after {self.patience}s" if self.patience else "abort")
        return " ".join(words)
