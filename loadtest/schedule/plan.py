"""Plan: who is there when. Its lines are `tracks`, the requests of its rates `arrivals`."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Literal, Self

from loadtest.schedule.arrivals import Arrivals
from loadtest.schedule.shares import Part, apportion
from loadtest.schedule.stages import Stage, duration_text
from loadtest.schedule.tracks import Track

__all__ = ["Phase", "Plan", "Pool"]

Phase = Literal["ramp-up", "plateau", "ramp-down"]


@dataclass(frozen=True, slots=True)
class Pool:
    """A group of open arrivals: connections that are there all the time, and when their requests are due."""

    connections: int
    arrivals: Arrivals

    def stretched(self, old: float, new: float) -> Self:
        """The same, with what happens at `old` happening at `new`, and everything else in proportion."""
        return replace(self, arrivals=self.arrivals.stretched(old, new))


@dataclass(frozen=True)
class Plan:
    """Who is there when. Build one with `over_total` or `per_group`; every other method gives a new plan.

    A group of open arrivals has no part in the load: its pool is `beside` it, and neither rescaled nor capped.
    """

    groups: tuple[str, ...]
    tracks: tuple[Track, ...]
    end: float = math.inf
    pools: Mapping[str, Pool] = field(default_factory=dict)

    @classmethod
    def over_total(cls, stages: Iterable[Stage], parts: Mapping[str, Part]) -> Self:
        """Stages count all users; `parts` says how the groups divide them."""
        return cls(tuple(parts), (Track.of(stages, parts.values()),))

    @classmethod
    def per_group(cls, loads: Mapping[str, Iterable[Stage]]) -> Self:
        """Every group has stages of its own. One whose stages end early stays as it is until the longest ends."""
        return cls(tuple(loads), tuple(Track.of(stages, (Part(),)) for stages in loads.values()))

    def beside(self, pools: Mapping[str, Pool]) -> Self:
        """The same plan, with groups of open arrivals; it lasts until the stages of both are over."""
        return replace(self, pools=pools)

    @cached_property
    def duration(self) -> float:
        """Seconds until the plan is over."""
        ends = [track.end for track in self.tracks] + [pool.arrivals.settled for pool in self.pools.values()]
        return min(self.end, max(ends, default=0.0))

    @cached_property
    def peak(self) -> int:
        """The most users there ever are at once, connections of open arrivals not counted."""
        return self._peak_moment()[0]

    @property
    def connections(self) -> int:
        """How many connections the groups of open arrivals have."""
        return sum(pool.connections for pool in self.pools.values())

    @cached_property
    def arrivals(self) -> dict[str, Arrivals]:
        """When the requests of each group of open arrivals are due, until the plan is over."""
        return {name: pool.arrivals.ends_at(self.duration) for name, pool in self.pools.items()}

    def _peak_moment(self) -> tuple[int, list[int]]:
        """The most users at once, and how many of them each track has then."""
        borders = {0.0, self.duration} | {t for track in self.tracks for piece in track.pieces for t in piece[:2]}
        moments = [[track.level_until(t) for track in self.tracks] for t in sorted(borders) if 0 < t <= self.duration]
        moments += [[track.level(t) for track in self.tracks] for t in sorted(borders) if t < self.duration]
        best = max(moments, key=sum, default=[0] * len(self.tracks))
        return sum(best), best

    def users_at(self, t: float) -> dict[str, int]:
        """How many users (or connections) each group has at `t` seconds; none before 0 and once the plan is over."""
        counts: Iterator[int]
        on = 0 <= t < self.duration
        if on:
            counts = (n for track in self.tracks for n in apportion(track.level(t), track.weights))
        else:
            counts = (0 for _ in self.groups)
        pools = {name: pool.connections if on else 0 for name, pool in self.pools.items()}
        return dict(zip(self.groups, counts, strict=True)) | pools

    def next_change(self, t: float) -> float | None:
        """The earliest time after `t` at which `users_at` may differ; None when it never will."""
        if t < 0:
            return 0.0
        if t >= self.duration:
            return None
        changes = (track.next_change(t) for track in self.tracks)
        return min([self.duration, *(change for change in changes if change is not None)])

    def phase_at(self, t: float) -> Phase:
        """What happens at `t`: users arrive or a rate grows (anywhere), else the reverse, else a plateau.

        A wait with nobody there belongs to the ramp-up when users are still to come, else to the ramp-down.
        """
        if t < 0 or t >= self.duration:
            return "ramp-up" if t < 0 else "ramp-down"
        lines: list[Track | Arrivals] = [*self.tracks, *self.arrivals.values()]
        pieces = [piece for line in lines if (piece := line.piece_at(t))]
        if any(piece.after > piece.before for piece in pieces):
            return "ramp-up"
        if any(piece.after < piece.before for piece in pieces):
            return "ramp-down"
        if any(track.level(t) for track in self.tracks) or any(piece.level(t) for piece in pieces):
            return "plateau"
        later = any(max(p.before, p.after) for line in lines for p in line.pieces if p.start > t)
        return "ramp-up" if later else "ramp-down"

    def phase_end(self, t: float) -> float:
        """When the phase of `t` is over, in seconds."""
        phase = self.phase_at(t)
        borders = sorted({border for track in self.tracks for p in track.pieces for border in (p.start, p.end)})
        later = (border for border in borders if t < border < self.duration and self.phase_at(border) != phase)
        return next(later, self.duration)

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
            pools = {name: pool.stretched(old, duration) for name, pool in plan.pools.items()}
            end = duration if plan.end == old else plan.end * duration / old
            plan = replace(plan, tracks=tracks, end=end, pools=pools)
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
        parts = [f"{self.peak} users at most"] if self.peak or not self.pools else []
        if self.pools:
            rate = sum(arrivals.peak for arrivals in self.arrivals.values())
            parts.append(f"{self.connections} connections for {rate:g} requests/s at most")
        return ", ".join([*parts, duration_text(round(self.duration, 3))])
