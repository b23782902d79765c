"""Track: the line that some stages draw, and the groups that share it. Whole plans are `plan`."""

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple, Self

from loadtest.schedule.shares import Part, split
from loadtest.schedule.stages import Stage

__all__ = ["Piece", "Track", "draw"]


class Piece(NamedTuple):
    """A straight line: from `before` at `start` to `after` at `end` (s), the end not included.

    Levels are numbers of users, which are whole, or a rate.
    """

    start: float
    end: float
    before: float
    after: float

    def level(self, t: float) -> float:
        """The level at `t`, not rounded."""
        return self.before + (self.after - self.before) * ((t - self.start) / (self.end - self.start))


def _whole(level: float | Fraction) -> int:
    return math.floor(level + Fraction(1, 2) if isinstance(level, Fraction) else level + 0.5)


def draw(stages: Iterable[Stage]) -> tuple[list[Piece], float]:
    """The lines that the stages draw, and the level after the last one."""
    pieces: list[Piece] = []
    t, level = 0.0, 0.0
    for stage in stages:
        before = stage.level if stage.kind == "spike" else level
        after = level if stage.kind == "hold" else stage.level
        if stage.kind != "step" and stage.seconds > 0:
            pieces.append(Piece(t, t + stage.seconds, before, after))
            t += stage.seconds
        level = level if stage.kind in ("hold", "spike") else stage.level
    return pieces, level


def _highest(pieces: Iterable[Piece]) -> int:
    return _whole(max((max(piece.before, piece.after) for piece in pieces), default=0))


@dataclass(frozen=True)
class Track:
    """Groups that share one line of levels; `parts` say how, where the line's highest level was `peak`."""

    pieces: tuple[Piece, ...]
    last: int
    parts: tuple[Part, ...]
    peak: int
    starts: tuple[float, ...] = field(init=False, repr=False)
    weights: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", tuple(piece.start for piece in self.pieces))
        object.__setattr__(self, "weights", tuple(split(_highest(self.pieces) or self.last, self.parts, self.peak)))

    @classmethod
    def of(cls, stages: Iterable[Stage], parts: Iterable[Part]) -> Self:
        """Draw the line of `stages`, for groups that divide it as `parts` says."""
        pieces, last = draw(stages)
        return cls(tuple(pieces), _whole(last), tuple(parts), _highest(pieces) or _whole(last))

    @property
    def end(self) -> float:
        """When the last stage is over (s)."""
        return self.pieces[-1].end if self.pieces else 0.0

    def piece_at(self, t: float) -> Piece | None:
        """Find the piece that `t` is in; None before the first and after the last."""
        at = bisect_right(self.starts, t) - 1
        return self.pieces[at] if at >= 0 and t < self.pieces[at].end else None

    def level(self, t: float) -> int:
        """The total at `t` >= 0; past the last stage its level stays."""
        piece = self.piece_at(t)
        return _whole(piece.level(t)) if piece else self.last

    def level_until(self, t: float) -> int:
        """The total that is approached when `t` is approached from below."""
        piece = next((piece for piece in self.pieces if piece.start < t <= piece.end), None)
        return _whole(piece.level(t)) if piece else self.level(t)

    def next_change(self, t: float) -> float | None:
        """The earliest time after `t` at which `level` may differ."""
        piece = self.piece_at(t)
        if piece is None:
            return None
        slope = (piece.after - piece.before) / (piece.end - piece.start)
        if not slope:
            return piece.end
        border = self.level(t) + (0.5 if slope > 0 else -0.5)
        moment = piece.start + (border - piece.before) / slope
        return min(piece.end, max(moment, math.nextafter(t, math.inf)))

    def resized(self, factor: Fraction) -> Self:
        """Multiply every level, rounding half up."""
        resize = [Piece(p.start, p.end, _whole(p.before * factor), _whole(p.after * factor)) for p in self.pieces]
        return replace(self, pieces=tuple(resize), last=_whole(self.last * factor))

    def stretched(self, old: float, new: float) -> Self:
        """Make what happens at `old` happen at `new`, exactly, and everything else in proportion."""

        def moved(t: float) -> float:
            return new if t == old else t * new / old

        return replace(self, pieces=tuple(p._replace(start=moved(p.start), end=moved(p.end)) for p in self.pieces))

    def capped(self, rate: float) -> Self:
        """Let at most `rate` users a second arrive; later pieces move back."""
        pieces: list[Piece] = []
        for piece in self.pieces:
            t, level = (pieces[-1].end, pieces[-1].after) if pieces else (0.0, 0)
            if piece.before > level:
                pieces.append(Piece(t, t := t + (piece.before - level) / rate, level, piece.before))
            length = max(piece.end - piece.start, (piece.after - piece.before) / rate)
            pieces.append(Piece(t, t + length, piece.before, piece.after))
        return replace(self, pieces=tuple(pieces))
