"""Who has not been heard for how long, by this process's own time: a process that was itself frozen accuses nobody."""

from collections.abc import Iterable

__all__ = ["LOOK_S", "Silence"]

LOOK_S = 0.25
"""How often it should be looked at."""
LATE = 4
"""More than so many times LOOK_S between two looks was our own absence: messages wait unread."""


class Silence:
    """Seconds since each peer was last heard, added up look by look."""

    def __init__(self, now: float) -> None:
        self._seconds: dict[str, float] = {}
        self._looked = now

    def heard(self, peer: str) -> None:
        """A message of it has arrived."""
        self._seconds[peer] = 0.0

    def forget(self, peer: str) -> None:
        """It is not expected to say anything."""
        self._seconds.pop(peer, None)

    def look(self, now: float) -> None:
        """Time has passed."""
        passed = min(now - self._looked, LATE * LOOK_S)
        self._looked = now
        for peer in self._seconds:
            self._seconds[peer] += passed

    def longer_than(self, seconds: float) -> Iterable[str]:
        """The peers that have been silent for longer."""
        return [peer for peer, silent in self._seconds.items() if silent > seconds]

    def of(self, peer: str) -> float:
        """Seconds since it was heard; 0 if it never was."""
        return self._seconds.get(peer, 0.0)
