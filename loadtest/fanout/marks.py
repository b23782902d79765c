"""Which payload has come under which number, where there are too many to follow: marks of them, in bounded memory."""

from loadtest.fanout.known import KEEP_S, MAX_OPEN

__all__ = ["Marks"]


class Marks:
    """Remembers a payload for KEEP_S / 2 to KEEP_S; the last MAX_OPEN only, if there are more in that time."""

    def __init__(self) -> None:
        self._new: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._since = 0.0

    def find(self, sequence: int, payload: bytes, epoch: int) -> tuple[int, bool]:
        """(the epoch in which it first came, whether that is now)."""
        mark = hash((sequence, payload))
        known = self._new.get(mark)
        if known is None:
            known = self._old.get(mark)
        if known is not None:
            return known, False
        if len(self._new) >= MAX_OPEN:
            self._turn_over()
        self._new[mark] = epoch
        return epoch, True

    def began(self, sequence: int, payload: bytes, epoch: int) -> None:
        """With it a sequence began anew."""
        self._new[hash((sequence, payload))] = epoch

    def forget(self, now: float) -> None:
        """Drop what has become old."""
        if now - self._since >= KEEP_S / 2:
            self._since = now
            self._turn_over()

    def _turn_over(self) -> None:
        self._old, self._new = self._new, {}
