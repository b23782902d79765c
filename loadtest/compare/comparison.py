"""Two runs figure by figure: what changed by more than noise, and whether that is a regression."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from loadtest.compare.noise import LEAST, Change, Estimate, change, estimate
from loadtest.report import RunFacts

__all__ = ["FAMILY_ERROR", "FIGURES", "Comparison", "Difference", "Figure", "Side", "compare"]

FAMILY_ERROR = 0.01
"""How often two equal runs may show any change at all: 1 % over all figures together (Bonferroni)."""

FREE_PORT = re.compile(r"^(http://127\.0\.0\.1):(?:3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[4-6]\d{4})$")
"""A port of this machine that Linux gives to who asks for any: 32768 and up (ip_local_port_range)."""

CLOCKS = {"delivery": 1, "freshness": 1, "skew": 2}
"""How many workers' clocks a measure rests on."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of `timeline.csv`, and which way is worse."""

    column: str
    title: str
    unit: str
    worse: Literal["more", "less"] = "more"

    @property
    def measure(self) -> str:
        """Such as delivery, for times; empty for what is counted."""
        return self.column.partition("_p")[0] if self.unit == "ms" else ""


FIGURES = (
    *(
        Figure(f"{measure}_p{p}_ms", f"{measure} p{p}", "ms")
        for measure in ("delivery", "response", "skew", "ping", "connect", "freshness")
        for p in (50, 95, 99)
    ),
    Figure("completeness_percent", "completeness", "%", "less"),
    Figure("messages", "messages", "/s", "less"),
    Figure("requests", "requests", "/s", "less"),
    Figure("errors", "errors", "/s"),
)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs: what is said of it, and the rows of its `timeline.csv`."""

    facts: RunFacts
    rows: Sequence[Mapping[str, str]]

    def values(self, figure: Figure) -> list[float]:
        """What a figure was in each second of the plateau that is known; times only where no worker was left out."""
        return [
            float(row[figure.column])
            for row in self.rows
            if row["phase"] == "plateau"
            and row["workers"] != "0"
            and row.get(figure.column)
            and (not figure.measure or row["excluded"] == "0")
        ]

    def known(self, column: str) -> list[float]:
        """The values of a column in the plateau."""
        return [float(row[column]) for row in self.rows if row["phase"] == "plateau" and row.get(column)]


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of both runs. `change` is None where a side has too few seconds to tell."""

    figure: Figure
    first: Estimate | None
    second: Estimate | None
    change: Change | None
    verdict: Literal["regression", "worse", "better", "same", "unknown"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All figures that both runs have, and what else is to be known."""

    first: Side
    second: Side
    differences: tuple[Difference, ...]
    fail_on: float
    """A share: how much worse a figure may be."""
    confidence: float
    """Of each interval."""
    notes: tuple[str, ...]

    @property
    def regressions(self) -> list[Difference]:
        """The figures that are worse by more than they may."""
        return [difference for difference in self.differences if difference.verdict == "regression"]

    @property
    def sentence(self) -> str:
        """What came of it."""
        if worse := self.regressions:
            names = ", ".join(difference.figure.title for difference in worse)
            return f"REGRESSION: {names} worse by more than {100 * self.fail_on:.3g} %"
        if all(difference.change is None for difference in self.differences):
            return f"NOTHING TO COMPARE: no figure has {LEAST} seconds of plateau in both runs"
        return f"NO REGRESSION: nothing is worse by more than {100 * self.fail_on:.3g} % beyond noise"


def compare(first: Side, second: Side, fail_on: float) -> Comparison:
    """Compare the plateaus of two runs.

    A figure is a regression if it is worse by more than `fail_on` (a share), and its change's interval does not reach
    down to no change at all. Where it does, the figure is the same.
    """
    shared = [figure for figure in FIGURES if first.values(figure) and second.values(figure)]
    confidence = 1 - FAMILY_ERROR / max(len(shared), 1)
    differences = tuple(_difference(figure, first, second, fail_on, confidence) for figure in shared)
    return Comparison(first, second, differences, fail_on, confidence, tuple(_notes(first, second)))


def _difference(figure: Figure, first: Side, second: Side, fail_on: float, confidence: float) -> Difference:
    before, after = estimate(first.values(figure)), estimate(second.values(figure))
    if before is None or after is None:
        return Difference(figure, before, after, None, "unknown")
    found = change(before, after, confidence, _slack(figure, first, second))
    sign = 1 if figure.worse == "more" else -1
    low, high = sorted((sign * found.low, sign * found.high))
    verdict: Literal["regression", "worse", "better", "same"] = "better" if high < 0 else "same"
    if low > 0:
        verdict = "regression" if sign * found.share > fail_on else "worse"
    return Difference(figure, before, after, found, verdict)


def _slack(figure: Figure, first: Side, second: Side) -> float:
    """What both means may be off by together (ms): their clocks, and how late a generator saw what it timed."""
    if not figure.measure:
        return 0.0
    clocks = CLOCKS.get(figure.measure, 0)
    error = clocks * sum(max(side.known("clock_error_ms"), default=0.0) for side in (first, second))
    return error + max(median(side.known("lag_max_ms") or [0.0]) for side in (first, second))


def _targets(side: Side) -> str:
    """Where the load went. Which free port the demo backend of a run on one machine took makes no difference."""
    return ", ".join(FREE_PORT.sub(r"\1 (a free port)", url) for url in side.facts.targets)


def _notes(first: Side, second: Side) -> Iterator[str]:
    """What makes two runs hard to compare."""
    pairs = {
        "profiles": (first.facts.profile, second.facts.profile),
        "targets": (_targets(first), _targets(second)),
        "numbers of workers": (len(first.facts.workers), len(second.facts.workers)),
        "peaks of users": tuple(max((int(row["users"]) for row in side.rows), default=0) for side in (first, second)),
    }
    for name, (one, other) in pairs.items():
        if one != other:
            yield f"They have different {name}: {one or 'none'} and {other or 'none'}."
    for side in (first, second):
        if side.facts.verdict.name not in ("pass", "fail"):
            yield f"{side.facts.run_id} is {side.facts.verdict.name}: {side.facts.verdict.why}."
