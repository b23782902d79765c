"""Plan: who is there when. Its lines are `tracks`."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Literal, Self

from loadtest.schedule.shares import Part, apportion
from loadtest.schedule.stages import Stage, duration_text
from loadtest.schedule.tracks import Track

__all__ = ["Phase", "Plan"]

Phase = Literal["ramp-up", "plateau", "ramp-down"]


@dataclass(frozen=True)
class Plan:
    """Who is there when. Build one with `over_total` or `per_group`; every other method gives a new plan."""

    groups: tuple[str, ...]
    tracks: tuple[Track, ...]
    end: float = math.inf

    @classmethod
    def over_total(cls, stages: Iterable[Stage], parts: Mapping[str, Part]) -> Self:
        """Stages count all users; `parts` says how the groups divide them."""
        return cls(tuple(parts), (Track.of(stages, parts.values()),))

    @classmethod
    def per_group(cls, loads: Mapping[str, Iterable[Stage]]) -> Self:
        """Every group has stages of its own. One whose stages end early stays as it is until the longest ends."""
        return cls(tuple(loads), tuple(Track.of(stages, (Part(),)) for stages in loads.values()))

    @cached_property
    def duration(self) -> float:
        """Seconds until the plan is over."""
        return min(self.end, max((track.end for track in self.tracks), default=0.0))

    @cached_property
    def peak(self) -> int:
        """The most users there ever are at once."""
        return self._peak_moment()[0]

    def _peak_moment(self) -> tuple[int, list[int]]:
        """The most users at once, and how many of them each track has then."""
        borders = {0.0, self.duration} | {t for track in self.tracks for piece in track.pieces for t in piece[:2]}
        moments = [[track.level_until(t) for track in self.tracks] for t in sorted(borders) if 0 < t <= self.duration]
        moments += [[track.level(t) for track in self.tracks] for t in sorted(borders) if t < self.duration]
        best = max(moments, key=sum, default=[0] * len(self.tracks))
        return sum(best), best

    def users_at(self, t: float) -> dict[str, int]:
        """How many users of each group there are at `t` seconds; nobody before 0 and once the plan is over."""
        counts: Iterator[int]
        if 0 <= t < self.duration:
            counts = (n for track in self.tracks for n in apportion(track.level(t), track.weights))
        else:
            counts = (0 for _ in self.groups)
        return dict(zip(self.groups, counts, strict=True))

    def next_change(self, t: float) -> float | None:
        """The earliest time after `t` at which `users_at` may differ; None when it never will."""
        if t < 0:
            return 0.0
        if t >= self.duration:
            return None
        changes = (track.next_change(t) for track in self.tracks)
        return min([self.duration, *(change for change in changes if change is not None)])

    def phase_at(self, t: float) -> Phase:
        """What happens at `t`: users arrive (anywhere), else users leave, else a plateau.

        A wait with nobody there belongs to the ramp-up when users are still to come, else to the ramp-down.
        """
        if t < 0 or t >= self.duration:
            return "ramp-up" if t < 0 else "ramp-down"
        pieces = [piece for track in self.tracks if (piece := track.piece_at(t))]
        if any(piece.after > piece.before for piece in pieces):
            return "ramp-up"
        if any(piece.after < piece.before for piece in pieces):
            return "ramp-down"
        if sum(track.level(t) for track in self.tracks):
            return "plateau"
        later = any(max(p.before, p.after) for track in self.tracks for p in track.pieces if p.start > t)
        return "ramp-up" if later else "ramp-down"

    def scaled(self, users: int | None = None, duration: float | None = None) -> Self:
        """The same shape with `users` at its peak (every group alike) and `duration` seconds in all.

        Raises ValueError where there is nothing to scale: a plan without users, or without any length.
        """
        plan = self
        if users is not None:
            peak, levels = replace(self, end=math.inf)._peak_moment()  # noqa: SLF001 - a plan of this class
            if not peak or users < 1:
                raise ValueError("only a plan with users can be scaled, and only to 1 user or more")
            goals = apportion(users, levels)
            factors = [Fraction(g, n) if n else Fraction(users, peak) for g, n in zip(goals, levels, strict=True)]
            tracks = tuple(track.resized(factor) for track, factor in zip(self.tracks, factors, strict=True))
            plan = replace(plan, tracks=tracks)
        if duration is not None:
            old = plan.duration
            if not old or duration <= 0:
                raise ValueError("only a plan that takes time can be scaled, and only to more than 0 seconds")
            tracks = tuple(track.stretched(old, duration) for track in plan.tracks)
            plan = replace(plan, tracks=tracks, end=duration if plan.end == old else plan.end * duration / old)
        return plan

    def capped(self, rate: float) -> Self:
        """At most `rate` new users a second: ramps, steps and spikes upwards take longer, what follows comes later.

        Stages per group divide the rate by the groups' peaks.
        """
        if rate <= 0:
            raise ValueError("the rate must be more than 0")
        peaks = [sum(track.weights) for track in self.tracks]
        rates = [rate * peak / sum(peaks) if peak else rate for peak in peaks]
        return replace(self, tracks=tuple(t.capped(r) for t, r in zip(self.tracks, rates, strict=True)))

    def ends_at(self, t: float) -> Self:
        """The same plan, over after `t` seconds if it isn't before."""
        return replace(self, end=min(self.end, t))

    def steepest(self) -> float:
        """The fastest ramp upwards, in users a second; infinite where users come in a step."""
        rates = [0.0]
        for track in self.tracks:
            first = [(0, track.pieces[0].before)] if track.pieces else []
            jumps = first + [(a.after, b.before) for a, b in pairwise(track.pieces)]
            rates += [math.inf for low, high in jumps if high > low]
            rates += [(p.after - p.before) / (p.end - p.start) for p in track.pieces]
        return max(rates)

    def __str__(self) -> str:
        return f"{self.peak} users at most, {duration_text(round(self.duration, 3))}"
