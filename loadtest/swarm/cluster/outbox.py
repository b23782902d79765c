"""The Records that a worker keeps until the master has them: what to send now, what may be forgotten. No socket."""

from loadtest.results import Record

__all__ = ["BATCH", "KEEP_RECORDS", "RESEND_S", "Outbox"]

RESEND_S = 3.0
"""A Record that was not acknowledged for this long is sent again."""
KEEP_RECORDS = 3600
"""An hour of Records is kept for a master that does not answer; then the oldest go."""
BATCH = 50
"""Records in one message, and at most as many on their way: a worker with an hour to hand over must not flood."""


class Outbox:
    """Records by (incarnation, serial), oldest first."""

    def __init__(self) -> None:
        self.dropped = 0
        """Records that were given up because there were too many."""
        self._kept: dict[tuple[int, int], Record] = {}
        self._sent: dict[tuple[int, int], float] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, record: Record) -> bool:
        """Keep a Record; False if an older one had to go for it."""
        self._kept[record.incarnation, record.serial] = record
        if len(self._kept) <= KEEP_RECORDS:
            return True
        oldest = next(iter(self._kept))
        del self._kept[oldest]
        self._sent.pop(oldest, None)
        self.dropped += 1
        return False

    def due(self, now: float) -> list[Record]:
        """What to send now, and note that it was: the oldest that are not on their way."""
        free = BATCH - sum(sent > now - RESEND_S for sent in self._sent.values())
        keys = [key for key in self._kept if self._sent.get(key, float("-inf")) <= now - RESEND_S][: max(free, 0)]
        self._sent.update(dict.fromkeys(keys, now))
        return [self._kept[key] for key in keys]

    def acknowledge(self, incarnation: int, serials: list[int]) -> None:
        """The master has these."""
        for serial in serials:
            self._kept.pop((incarnation, serial), None)
            self._sent.pop((incarnation, serial), None)

    def clear(self) -> int:
        """Forget everything; how many Records that were."""
        forgotten = len(self._kept)
        self._kept.clear()
        self._sent.clear()
        return forgotten
