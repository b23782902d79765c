"""Whether a profile can produce what its SLOs judge: its groups, what they are told to measure, the load's phases."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

from loadtest.profiles.checks import AnyGroup
from loadtest.profiles.rest import RestGroup
from loadtest.profiles.websocket_group import WebSocketGroup
from loadtest.profiles.wording import hint
from loadtest.schedule import Plan
from loadtest.slo import BY_DESIGN, COUNTS, MEASURES, SHARES, TIMED_UP_TO_S, Threshold

__all__ = ["phase_problem", "threshold_problem"]

PHASES = {"ramp": "ramp-up", "plateau": "plateau"}
"""What an SLO calls a phase -> what the plan calls it."""


class Need(NamedTuple):
    """What a group must say so that something can be measured in it."""

    key: str
    given: Callable[[WebSocketGroup], bool]
    why: str


NEEDS = {
    "delivery": Need("send_time", lambda group: group.send_time is not None, "delivery can't be timed"),
    "freshness": Need("freshness", lambda group: group.freshness is not None, "how old its data is can't be told"),
    "lost": Need("sequence", lambda group: group.sequence is not None, "what is lost can't be told"),
    "duplicated": Need("sequence", lambda group: group.sequence is not None, "what is duplicated can't be told"),
    "reordered": Need("sequence", lambda group: group.sequence is not None, "what is reordered can't be told"),
    "silences": Need("silence", lambda group: group.silence is not None, "nothing says when silence is too long"),
    "behind": Need("send_time", lambda group: group.send_time is not None, "nobody knows how old a message is"),
    "reconnect": Need("session.reconnect", lambda group: group.session.reconnect is not False, "nobody comes back"),
}
NEEDS["reconnected"] = NEEDS["reconnect"]

INSTEAD = {"delivery": "give it, or judge gap or ping", "behind": "give it, or judge backlog"}
BY_CLOCK = {"delivery": "timed", "freshness": "told", "behind": "timed"}
"""Measures that rest on the target's clock -> what without one they can't be."""
OTHERWISE = {"delivery": "behind", "gap": "behind", "ping": "backlog", "completeness": "lost", "skew": "behind"}
"""What is not measured of a group that reads slowly -> what is instead."""


def _in_scope(threshold: Threshold, groups: Mapping[str, AnyGroup]) -> dict[str, AnyGroup]:
    """The groups that an SLO reads."""
    scope = threshold.scope
    return {
        name: group
        for name, group in groups.items()
        if (scope is None or scope in (name, group.kind))
        and _has(group.kind, threshold.measure)
        and (scope == name or _is_slow(group) is (threshold.measure in BY_DESIGN) or group.kind == "rest")
    }


def _is_slow(group: AnyGroup) -> bool:
    return isinstance(group, WebSocketGroup) and group.read is not None


def _reading_problem(threshold: Threshold, groups: Mapping[str, AnyGroup]) -> str | None:
    """Why an SLO does not fit how fast the groups read; None where it does."""
    measure, named = threshold.measure, groups.get(threshold.scope or "")
    if named is not None and _is_slow(named) and measure in OTHERWISE:
        return f"{threshold.scope} reads slowly (`read`), so it has no {measure}: judge {OTHERWISE[measure]}"
    slow = [name for name, group in groups.items() if _is_slow(group)]
    if measure in BY_DESIGN:
        if slow and (named is None or _is_slow(named)):
            return None
        return f"only a group with `read` has {measure}: judge delivery, gap or ping"
    if slow and not _in_scope(threshold, groups):
        return f"{', '.join(slow)} reads slowly (`read`), and only an SLO that names such a group judges it: name it"
    return None


def _has(kind: str, measure: str) -> bool:
    """Whether groups of a kind are ever judged by a measure."""
    if measure in SHARES or measure in COUNTS:
        return {**SHARES, **COUNTS}[measure] in (None, kind)
    if measure == "reconnected":
        return kind == "websocket"
    return measure == "rate" or measure in MEASURES[kind]


def threshold_problem(threshold: Threshold, groups: Mapping[str, AnyGroup], *, clock: bool | None) -> str | None:
    """Why the profile can't produce what the SLO reads; None where it can. `groups` must be all of them.

    `clock` says whether the target has one; None: that isn't known, the target being broken.
    """
    scope = _in_scope(threshold, groups)
    problem = _reading_problem(threshold, groups)
    if problem is not None or not scope:
        return problem or f"the profile has no group with {threshold.scope or threshold.measure}"
    if threshold.timed and threshold.limit >= TIMED_UP_TO_S:
        return "times over 10 minutes are counted as 10 minutes, so the limit must be less"
    streams = [group for group in scope.values() if isinstance(group, WebSocketGroup)]
    need = NEEDS.get(threshold.measure)
    if need is not None and not any(need.given(group) for group in streams):
        return f"{', '.join(scope)} has no {need.key}, so {need.why}: {INSTEAD.get(threshold.measure, 'give it')}"
    if threshold.measure in BY_CLOCK and clock is False:
        what = f"{threshold.measure} can't be {BY_CLOCK[threshold.measure]}"
        return f"target.clock is left out, so {what}: {INSTEAD.get(threshold.measure, INSTEAD['delivery'])}"
    if threshold.measure == "missed" and not any(_is_open(group) for group in scope.values()):
        return f"{', '.join(scope)} has no pace with a rate, so nothing is ever missed: judge response or errors"
    return _name_problem(threshold, scope)


def _name_problem(threshold: Threshold, scope: Mapping[str, AnyGroup]) -> str | None:
    streams = [group for group in scope.values() if isinstance(group, WebSocketGroup)]
    names = {request.name for group in scope.values() if isinstance(group, RestGroup) for request in group.requests}
    names |= {group.websocket.partition("?")[0] for group in streams}
    if threshold.name is None or threshold.name in names:
        return None
    return f'nothing is called "{threshold.name}"{hint(threshold.name, sorted(names))}'


def _is_open(group: AnyGroup) -> bool:
    return isinstance(group, RestGroup) and getattr(group.pace, "rate", None) is not None


def phase_problem(threshold: Threshold, plan: Plan) -> str | None:
    """Why the load is too short, in the phase that an SLO is about, for it to be judged; None where it is not."""
    during = threshold.phase(plateau=has_plateau(plan))
    longest = _longest(plan, during)
    if not longest:
        also = ": add `during all`, or a hold to the load" if during == "plateau" else ": leave `during` out"
        return f"the load has no {during}{also}"
    if threshold.window is not None and threshold.window > longest:
        where = "the load" if during == "all" else f"the load's {during}"
        return f"{where} never lasts {threshold.window}s on end: it has {longest:g}s at most"
    return None


def has_plateau(plan: Plan) -> bool:
    """Whether the load holds anywhere."""
    return _longest(plan, "plateau") > 0


def _longest(plan: Plan, during: str) -> float:
    """The length (s) of a plan's longest stretch in a phase."""
    if during == "all":
        return plan.duration
    starts = {piece.start for track in plan.tracks for piece in track.pieces}
    marks = sorted({0.0, plan.duration, *(start for start in starts if start < plan.duration)})
    longest = stretch = 0.0
    for start, end in pairwise(marks):
        stretch = stretch + end - start if plan.phase_at(start) == PHASES[during] else 0.0
        longest = max(longest, stretch)
    return longest
