"""The figures, their limits, and whether the medians keep them. No process is started here."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["FIGURES", "Figure", "Result", "Sample"]

OPERATORS: dict[str, Callable[[float, float], bool]] = {"≤": operator.le, "≥": operator.ge}


@dataclass(frozen=True)
class Figure:
    """One line of the table. `unit` is that of what is measured; the limit is of the ratio, if there is a reference."""

    key: str
    what: str
    reference: str
    unit: str
    op: str
    limit: float
    limit_unit: str = "×"
    asked: bool = True
    """Whether there is a limit; else it is shown to compare with."""

    @property
    def limit_text(self) -> str:
        """The limit as it is printed."""
        return f"{self.op} {self.limit:g}{self.limit_unit}" if self.asked else "–"


@dataclass(frozen=True)
class Sample:
    """One run's measurement of one figure; a reference of 0 is none."""

    key: str
    ours: float
    reference: float = 0.0

    @property
    def value(self) -> float:
        """What is compared with the limit."""
        return self.ours / self.reference if self.reference else self.ours


@dataclass(frozen=True)
class Result:
    """A figure over all runs. Without samples it was skipped, and `skipped` says why."""

    figure: Figure
    samples: Sequence[Sample]
    skipped: str = ""

    @property
    def value(self) -> float | None:
        """The median of the runs' ratios (each of neighbours in time), not the ratio of the medians."""
        return median(sample.value for sample in self.samples) if self.samples else None

    @property
    def ours(self) -> float | None:
        """The median of what we measured."""
        return median(sample.ours for sample in self.samples) if self.samples else None

    @property
    def reference(self) -> float | None:
        """The median of the reference; None: there is none."""
        found = [sample.reference for sample in self.samples if sample.reference]
        return median(found) if found else None

    @property
    def outcome(self) -> str:
        """`pass`, `MISS`, `skip`, or – where nothing is asked."""
        if self.value is None:
            return "skip"
        if not self.figure.asked:
            return "–"
        return "pass" if OPERATORS[self.figure.op](self.value, self.figure.limit) else "MISS"


MESSAGE = "CPU per message"
FIGURES = (
    Figure("message-200", f"{MESSAGE}, 200 B broadcast", "C, epoll", "µs", "≤", 1.6),
    Figure(
        "message-floor", "the same, only read and timed: no frames, no counts", "C, epoll", "µs", "≤", 0, asked=False
    ),
    Figure("message-20k", f"{MESSAGE}, 20 KB broadcast", "C, epoll", "µs", "≤", 1.6),
    Figure("message-2k-distinct", f"{MESSAGE}, 2 KB, all different", "C, epoll", "µs", "≤", 3),
    Figure("message-websocket-client", f"{MESSAGE}, 200 B broadcast", "websocket-client", "µs", "≤", 0.35),
    Figure("capacity", "messages/s until lag p99 > 20 ms", "C: 1 / CPU", "/s", "≥", 0.5),
    Figure("rest-fasthttp", "requests/s, 50 connections", "FastHttpUser", "/s", "≥", 8),
    Figure("rest-wrk", "requests/s, 50 connections", "wrk, 1 thread", "/s", "≥", 0.35),
    Figure("rest-heard", "CPU per request, one is listened to", "no listener", "µs", "≤", 2.5),
    Figure("rest-full", "CPU per request, client: full", "FastHttpUser", "µs", "≤", 1.3),
    Figure("connect", "CPU per connect and upgrade", "C, epoll", "µs", "≤", 4),
    Figure("memory", "RSS per idle subscriber of 10,000", "–", "KB", "≤", 25, " KB"),
    Figure("collector", "longest garbage collection while they come", "a full one then", "ms", "≤", 0.25),
    Figure("shutdown", "end of a run with 10,000 subscribers", "–", "s", "≤", 10, " s"),
)
