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
        self._in_memory: dict[tuple[int, int], Record] = {}  # the master has them, and its disk has not

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

    def acknowledge(self, incarnation: int, serials: list[int], *, durable: bool) -> None:
        """The master has these, on its disk or (not `durable`) in its memory.

        What it writes later follows what it could not write before: one that is durable says so of all before it.
        """
        if durable:
            self._in_memory.clear()
        for serial in serials:
            record = self._kept.pop((incarnation, serial), None)
            self._sent.pop((incarnation, serial), None)
            if record is not None and not durable:
                self._in_memory[incarnation, serial] = record
        while len(self._in_memory) > KEEP_RECORDS:
            del self._in_memory[next(iter(self._in_memory))]

    def start_over(self) -> None:
        """The master is another one: nothing is on its way to it, and it has only what was on its disk."""
        self._kept = {**self._in_memory, **self._kept}
        self._in_memory.clear()
        self._sent.clear()

    def clear(self) -> int:
        """Forget everything; how many Records that were."""
        forgotten = len(self._kept)
        self._kept.clear()
        self._sent.clear()
        self._in_memory.clear()
        return forgotten
