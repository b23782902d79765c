r"""Reads an SLO's text.

    slo       = [ scope ] ( share | count | rate | reached | figure ) { clause }
    scope     = "websocket" | "rest" | GROUP              ; left out: the measure's kind, or everything
    share     = ( "errors" | "completeness" | "missed" ) op NUMBER "%"
    count     = ( "lost" | "duplicated" | "reordered" | "silences" ) op NUMBER
    rate      = "rate" op NUMBER "/s"                     ; data messages, requests, or both: the scope's
    reached   = "reconnected" NUMBER "%" op time          ; that share of those cut was back within the time
    figure    = [ measure ] [ name ] aggregate op time
    measure   = "connect" | "delivery" | "freshness" | "gap" | "ping" | "skew" | "reconnect" | "behind" | "backlog"
              | "service" | "response"
    name      = QUOTED | PATH                             ; of a request, or the path of a WebSocket
    aggregate = "p" NUMBER | "mean" | "max" | "jitter"    ; jitter: of a gap
    op        = "<" | "<=" | ">" | ">="
    time      = NUMBER ( "ns" | "us" | "µs" | "ms" | "s" | "m" )
    clause    = "for" time                                ; must hold in every window of that length
              | "during" ( "ramp" | "plateau" | "all" )   ; left out: Threshold.phase
              | "warn" | "abort" [ "after" time ]         ; what a breach does beside being reported

Each clause at most once, in any order. The default measure is delivery for WebSockets and response for REST.
Times of clauses are whole seconds.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from loadtest.slo.threshold import COUNTS, MEASURES, SHARES, UNITS, Threshold

__all__ = ["CLAUSES", "parse"]

OPERATORS = ("<", "<=", ">", ">=")
CLAUSES = ("for", "during", "warn", "abort")
PHASES = ("ramp", "plateau", "all")
LONGEST_S = 86_400

_TOKEN = re.compile(r'"[^"]*"|<=|>=|[^\s<>"]+|.', re.DOTALL)
_AGGREGATE = re.compile(r"p(\d{1,2}(\.\d+)?|100)|mean|max|jitter", re.ASCII)
_LIMIT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([^\s\d.]\S*|)")  # a float keeps 15 digits, so str() is exact
_SHARE = re.compile(r"(\d{1,2}(?:\.\d+)?|100)%", re.ASCII)


def parse(text: str, groups: Mapping[str, str]) -> Threshold:
    """Read an SLO; `groups` are the profile's, name -> kind.

    Raises:
        ValueError: with a sentence on what is wrong and what is expected.
    """
    words = [word for word in _TOKEN.findall(text) if not word.isspace()]
    if '"' in words:
        raise ValueError("has a quote without its other half")
    operator = next((i for i, word in enumerate(words) if word in OPERATORS), None)
    if operator is None:
        raise ValueError("has no comparison (<, <=, >, >=): write it like `rest response p95 < 200ms` or `errors < 1%`")
    left, op, right = words[:operator], words[operator], words[operator + 1 :]
    for word in left:
        if word in CLAUSES and word not in groups:
            raise ValueError(f"{word!r} comes after the limit: write it like `errors < 1% {word} …`")
    clauses = next((i for i, word in enumerate(right) if word in CLAUSES), len(right))
    threshold = _compared(left, op, " ".join(right[:clauses]), groups)
    threshold = replace(threshold, **_clauses(right[clauses:]))
    return replace(threshold, during=None) if threshold.during == "all" and not threshold.steady else threshold


def _compared(left: list[str], op: str, right: str, groups: Mapping[str, str]) -> Threshold:
    scope = left.pop(0) if left and (left[0] in groups or left[0] in MEASURES) else None
    first = left[0] if left else ""
    if first in SHARES:
        _alone(left, scope, SHARES[first], groups)
        limit, unit = _limit(right, {"%": 0.01}, "a share such as 1%")
        return Threshold(scope, first, None, "ratio", op, limit, unit)
    if first in COUNTS:
        _alone(left, scope, COUNTS[first], groups)
        limit, unit = _limit(right, {"": 1.0}, "a number such as 10")
        return Threshold(scope, first, None, "count", op, limit, unit)
    if first == "rate":
        _alone(left, scope, None, groups)
        limit, unit = _limit(right, {"/s": 1.0}, "a rate such as 950/s")
        return Threshold(scope, "rate", None, "rate", op, limit, unit)
    if first == "reconnected":
        aggregate = _reached(left, scope, groups)
        limit, unit = _limit(right, UNITS, "a time such as 5s")
        return Threshold(scope, "reconnected", None, aggregate, op, limit, unit)
    scope, measure, name, aggregate = _figure(scope, left, groups)
    limit, unit = _limit(right, UNITS, "a time such as 200ms")
    return Threshold(scope, measure, name, aggregate, op, limit, unit)


def _alone(left: list[str], scope: str | None, kind: str | None, groups: Mapping[str, str]) -> None:
    """Check a word that takes neither a name nor an aggregate, in a scope that has it."""
    word, *rest = left
    if rest:
        example = {"rate": "rate > 950/s", "lost": "lost <= 0"}.get(word, f"{word} < 1%")
        raise ValueError(f"{word} has no {rest[0]!r}: write it like `{example}`, with a group before it or nothing")
    theirs = groups.get(scope, scope) if scope is not None else None
    if kind is not None and theirs not in (None, kind):
        raise ValueError(f"{theirs} has no {word!r}; it is judged of {kind}")


def _reached(left: list[str], scope: str | None, groups: Mapping[str, str]) -> str:
    share = _SHARE.fullmatch(left[1]) if len(left) == 2 else None  # noqa: PLR2004 - the word and the share
    if share is None:
        raise ValueError("reconnected needs the share that must be back: write it like `reconnected 95% < 5s`")
    _alone(left[:1], scope, "websocket", groups)
    return f"p{share[1]}"


def _limit(text: str, units: Mapping[str, float], example: str) -> tuple[float, str]:
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise ValueError(f"the limit {text!r} must be {example}")
    number, unit = match.groups()
    if unit not in units:
        known = f"needs a unit ({', '.join(units)})" if "" not in units else "has no unit"
        raise ValueError(f"the limit {text!r} {known}: {example}")
    return float(Decimal(number) * Decimal(str(units[unit]))), unit  # 7 * 0.01 is more than 0.07


def _clauses(words: list[str]) -> dict[str, Any]:
    """Fields of Threshold from the words after the limit; raises ValueError."""
    found: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        key = {"for": "window", "during": "during", "warn": "action", "abort": "action"}.get(word)
        if key is None:
            raise ValueError(f"{word!r} is not known here: after the limit come {', '.join(CLAUSES)}")
        if key in found:
            raise ValueError(f"{word!r} is one too many: each clause stands once, and an SLO either warns or aborts")
        found[key] = word
        if word == "for":
            found[key] = _seconds(word, words)
        elif word == "during":
            if not words or words[0] not in PHASES:
                raise ValueError(f"during what? It is one of {', '.join(PHASES)}")
            found[key] = words.pop(0)
        elif word == "abort" and words[:1] == ["after"]:
            del words[0]
            found["patience"] = _seconds("abort after", words)
    return found


def _seconds(clause: str, words: list[str]) -> int:
    example = f"{clause} takes whole seconds, such as `{clause} 10s`"
    if not words:
        raise ValueError(example)
    seconds, _ = _limit(words.pop(0), UNITS, f"a time: {example}")
    if seconds != int(seconds) or not 1 <= seconds <= LONGEST_S:
        raise ValueError(example)
    return int(seconds)


def _figure(scope: str | None, left: list[str], groups: Mapping[str, str]) -> tuple[str | None, str, str | None, str]:
    """(scope, measure, name, aggregate) from the words after the scope and before the comparison; raises ValueError."""
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
    if aggregate == "jitter" and measure != "gap":
        raise ValueError(f"{measure} has no jitter, a gap has one: write it like `gap jitter < 20ms`")
    return scope, measure, name, aggregate


def _only_kind(groups: Mapping[str, str]) -> str:
    kinds = set(groups.values())
    if len(kinds) != 1:
        raise ValueError("say whose figure is meant: begin with websocket, rest, or the name of a group")
    return kinds.pop()


def _unknown(left: list[str], groups: Mapping[str, str], measures: Mapping[str, None]) -> str:
    subjects = [*SHARES, *COUNTS, "rate", "reconnected"]
    known = [*groups, *MEASURES, *measures, *subjects, "mean", "max", "jitter", "p50", "p95", "p99"]
    for word in left:
        close = get_close_matches(word, known, 1)
        if word not in known and close and not re.match(r"p\d", word):
            return f"{word!r} is not known: did you mean {close[0]!r}?"
    if left and not _AGGREGATE.fullmatch(left[-1]):
        return f"{left[-1]!r} is no aggregate: use pNN (such as p99), mean or max (or gap jitter)"
    if left and left[0] not in known:
        return f"{left[0]!r} is neither a group ({', '.join(groups) or 'none'}) nor a measure ({', '.join(measures)})"
    return "has no aggregate: use pNN (such as p99), mean or max before the comparison"
