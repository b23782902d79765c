"""Where every connection went: one equation that a run must satisfy."""

from dataclasses import dataclass

__all__ = ["Ledger"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where every connection of a group went: attempted = established + failed + cancelled + pending.

    Attempts that were under way when their worker was lost count as cancelled.
    """

    attempted: int
    established: int
    failed: int
    cancelled: int
    closed_by_us: int
    closed_by_server: int
    closed_by_network: int
    lost_with_worker: int = 0
    """Connections whose end nobody saw: their worker was lost."""

    @property
    def pending(self) -> int:
        """Attempts of which nothing more was heard (0 at the end of a complete run)."""
        return self.attempted - self.established - self.failed - self.cancelled

    @property
    def open(self) -> int:
        """Connections that nobody closed (0 at the end of a complete run)."""
        closed = self.closed_by_us + self.closed_by_server + self.closed_by_network
        return self.established - closed - self.lost_with_worker

    @property
    def lost(self) -> int:
        """Connections that ended without our wish."""
        return self.closed_by_server + self.closed_by_network
