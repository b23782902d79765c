r"""What an SLO's text says, as a value.

    slo       = [ scope ] ( errors | figure )
    scope     = "websocket" | "rest" | GROUP              ; left out: the measure's kind, or everything for errors
    errors    = "errors" op NUMBER "%"
    figure    = [ measure ] [ name ] aggregate op NUMBER unit
    measure   = "connect" | "delivery" | "gap" | "ping" | "service" | "response"
    name      = QUOTED | PATH                             ; of a request, or the path of a WebSocket
    aggregate = "p" NUMBER | "mean" | "max"
    op        = "<" | "<=" | ">" | ">="
    unit      = "ns" | "us" | "µs" | "ms" | "s" | "m"

The default measure is delivery for WebSockets and response for REST.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

__all__ = ["MEASURES", "Threshold", "parse"]

MEASURES = {
    "websocket": ("delivery", "connect", "gap", "ping"),
    "rest": ("response", "service", "connect"),
}
"""kind -> its measures; the first is the default."""

OPERATORS = ("<", "<=", ">", ">=")
UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
LATER = {
    "completeness": "fan-out",
    "skew": "fan-out",
    "rate": "rates",
    "missed": "open arrivals",
    "reconnected": "reconnect times",
    "for": "windows",
    "during": "phases",
    "warn": "warnings",
    "abort": "early ends",
}
"""Words of the grammar to come, and what they will be about."""

_TOKEN = re.compile(r'"[^"]*"|<=|>=|[^\s<>"]+|.', re.DOTALL)
_AGGREGATE = re.compile(r"p(\d{1,2}(\.\d+)?|100)|mean|max")
_LIMIT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([^\s\d.]\S*|)")  # a float keeps 15 digits, so str() is exact


@dataclass(frozen=True, slots=True)
class Threshold:
    """One SLO. `limit` is in seconds, or a share (0.01 for 1 %) for errors; `str()` gives its canonical text."""

    scope: str | None
    """A group, "websocket", "rest", or None: everywhere."""
    measure: str
    """One of MEASURES, or "errors"."""
    name: str | None
    aggregate: str
    """pNN, mean, max, or "ratio" for errors."""
    op: str
    limit: float
    unit: str
    """As written: of time, or %."""

    @property
    def text(self) -> str:
        """The canonical text."""
        return str(self)

    @property
    def scale(self) -> float:
        """How many of the base unit (s, or 1 for a share) make one of `unit`."""
        return 0.01 if self.unit == "%" else UNITS[self.unit]

    def __str__(self) -> str:
        if self.measure == "errors":
            words = [self.scope, "errors"]
        else:
            name = None if self.name is None else f'"{self.name}"'
            words = [self.scope, self.measure, name, self.aggregate]
        limit = f"{self.limit / self.scale:.6f}".rstrip("0").rstrip(".")
        return " ".join(word for word in words if word is not None) + f" {self.op} {limit}{self.unit}"


def parse(text: str, groups: Mapping[str, str]) -> Threshold:
    """Read an SLO; `groups` are the profile's, name -> kind.

    Raises:
        ValueError: with a sentence on what is wrong and what is expected.
    """
    words = [word for word in _TOKEN.findall(text) if not word.isspace()]
    if '"' in words:
        raise ValueError("has a quote without its other half")
    for word in words:
        if word in LATER and word not in groups:
            raise ValueError(f"{word!r}: SLOs on {LATER[word]} are not available yet")
    operator = next((i for i, word in enumerate(words) if word in OPERATORS), None)
    if operator is None:
        raise ValueError("has no comparison (<, <=, >, >=): write it like `rest response p95 < 200ms` or `errors < 1%`")
    left, right = words[:operator], " ".join(words[operator + 1 :])
    scope = left.pop(0) if left and (left[0] in groups or left[0] in MEASURES) else None
    if left == ["errors"]:
        limit, unit = _limit(right, {"%": 0.01}, "a share such as 1%")
        return Threshold(scope, "errors", None, "ratio", words[operator], limit, unit)
    scope, measure, name, aggregate = _figure(scope, left, groups)
    limit, unit = _limit(right, UNITS, "a time such as 200ms")
    return Threshold(scope, measure, name, aggregate, words[operator], limit, unit)


def _limit(text: str, units: Mapping[str, float], example: str) -> tuple[float, str]:
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise ValueError(f"the limit {text!r} must be {example}")
    number, unit = match.groups()
    if unit not in units:
        raise ValueError(f"the limit {text!r} needs a unit ({', '.join(units)}): {example}")
    return float(Decimal(number) * Decimal(str(units[unit]))), unit  # 7 * 0.01 is more than 0.07


def _figure(scope: str | None, left: list[str], groups: Mapping[str, str]) -> tuple[str | None, str, str | None, str]:
    """(scope, measure, name, aggregate) from the words after the scope and before the comparison; raises ValueError."""
    if left[:1] == ["errors"]:
        raise ValueError("errors are a share of everything: write it like `errors < 1%` or `rest errors < 1%`")
    kind = groups.get(scope, scope) if scope is not None else None
    every = dict.fromkeys(measure for measures in MEASURES.values() for measure in measures)
    measure = left.pop(0) if left and left[0] in every else None
    if not left or not _AGGREGATE.fullmatch(left[-1]):
        raise ValueError(_unknown(left, groups, every))
    aggregate = left.pop()
    if left and '"' not in left[0] and "/" not in left[0]:  # a bare name is a path; anything else is misspelt
        raise ValueError(_unknown([left[0], aggregate], groups, every))
    name = left.pop(0).strip('"') if left else None
    if left:
        raise ValueError(f"{left[0]!r} is one word too many: a name with spaces is written in quotes")
    if measure is None:
        kind = kind or _only_kind(groups)
        measure = MEASURES[kind][0]
        scope = scope or kind
    elif kind is not None and measure not in MEASURES[kind]:
        raise ValueError(f"{kind} has no {measure!r}; it has {', '.join(MEASURES[kind])}")
    return scope, measure, name, aggregate


def _only_kind(groups: Mapping[str, str]) -> str:
    kinds = set(groups.values())
    if len(kinds) != 1:
        raise ValueError("say whose figure is meant: begin with websocket, rest, or the name of a group")
    return kinds.pop()


def _unknown(left: list[str], groups: Mapping[str, str], measures: Mapping[str, None]) -> str:
    known = [*groups, *MEASURES, *measures, "errors", "mean", "max", "p50", "p95", "p99"]
    for word in left:
        close = get_close_matches(word, known, 1)
        if word not in known and close and not re.match(r"p\d", word):
            return f"{word!r} is not known: did you mean {close[0]!r}?"
    if left and not _AGGREGATE.fullmatch(left[-1]):
        return f"{left[-1]!r} is no aggregate: use pNN (such as p99), mean or max"
    if left and left[0] not in known:
        return f"{left[0]!r} is neither a group ({', '.join(groups) or 'none'}) nor a measure ({', '.join(measures)})"
    return "has no aggregate: use pNN (such as p99), mean or max before the comparison"
