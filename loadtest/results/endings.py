"""What became of connections, and why: the causes that workers tell must add up to the ledger they tell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Unexplained", "unexplained"]

TOLD = {
    "failed": "connects_failed",
    "closed by us": "closed_by_us",
    "closed by server": "closed_by_server",
    "closed by network": "closed_by_network",
}
"""How the name of an ending begins -> the counter of the ledger that it belongs to."""


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A line of a group's ledger that its causes do not add up to."""

    group: str
    what: str
    total: int
    causes: int
    """How many connections the causes tell of."""

    def __str__(self) -> str:
        return f"{self.group}: {self.total:,} {self.what}, but causes of {self.causes:,}"


def unexplained(
    counters: Mapping[str, Mapping[str, int]], endings: Mapping[str, Mapping[str, int]]
) -> Iterator[Unexplained]:
    """Compare the counters of every group with its endings, ending -> how many."""
    for group, counts in sorted(counters.items()):
        for what, counter in TOLD.items():
            total = counts.get(counter, 0)
            causes = sum(n for ending, n in endings.get(group, {}).items() if ending.startswith(what))
            if causes != total:
                yield Unexplained(group, what, total, causes)
