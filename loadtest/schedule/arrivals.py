"""Arrivals: when the requests of a rate are due (open arrivals). Nobody's clock: numbers in, numbers out."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple, Self

from loadtest.schedule.stages import Stage
from loadtest.schedule.tracks import Piece, draw

__all__ = ["Arrivals", "Turn", "Turns"]


@dataclass(frozen=True)
class Arrivals:
    """Requests due by a rate that is a line of `pieces` (requests a second over seconds of run time), until `end`.

    The n-th of them, counted from 0, is due when the integral of the rate reaches n + 1/2: a rate of 10/s has them at
    0.05 s, 0.15 s, …, and an hour of it exactly 36,000. Each is computed from n and never from the one before, so that
    nothing drifts, and any process can tell any of them.
    """

    pieces: tuple[Piece, ...]
    end: float = math.inf
    starts: tuple[float, ...] = field(init=False, repr=False)
    sums: tuple[float, ...] = field(init=False, repr=False)
    """The integral at the end of each piece."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", tuple(piece.start for piece in self.pieces))
        areas = ((piece.end - piece.start) * (piece.before + piece.after) / 2 for piece in self.pieces)
        object.__setattr__(self, "sums", tuple(accumulate(areas)))

    @classmethod
    def of(cls, stages: Iterable[Stage]) -> Self:
        """The rate that `stages` draw; after the last of them it stays as it is, without end."""
        pieces, last = draw(stages)
        if last:
            pieces.append(Piece(pieces[-1].end if pieces else 0.0, math.inf, last, last))
        return cls(tuple(pieces))

    @property
    def settled(self) -> float:
        """When the last stage is over (s), and the rate stays as it is."""
        last = self.pieces[-1] if self.pieces else Piece(0.0, 0.0, 0.0, 0.0)
        return last.start if math.isinf(last.end) else last.end

    def piece_at(self, t: float) -> Piece | None:
        """Find the piece that `t` is in; None before the first and after the last."""
        at = bisect_right(self.starts, t) - 1
        return self.pieces[at] if at >= 0 and t < self.pieces[at].end else None

    @property
    def peak(self) -> float:
        """The highest rate, in requests a second."""
        return max((max(piece.before, piece.after) for piece in self.pieces if piece.start < self.end), default=0.0)

    def due(self, number: int) -> float | None:
        """When a request is due, in s of run time; None where the run is over before."""
        wanted = number + 0.5
        at = bisect_left(self.sums, wanted)
        if at == len(self.sums):
            return None
        piece = self.pieces[at]
        area = wanted - (self.sums[at - 1] if at else 0.0)
        slope = (piece.after - piece.before) / (piece.end - piece.start)
        # before·x + slope·x²/2 = area, solved for x in the form that loses no digits however small the slope is
        root = math.sqrt(max(0.0, piece.before * piece.before + 2 * slope * area))
        t = min(piece.start + 2 * area / (piece.before + root), piece.end)
        return t if t < self.end else None

    def before(self, t: float) -> int:
        """How many are due before `t`; as a number, the first that is due at `t` or later."""
        t = min(t, self.end)
        at = bisect_right(self.starts, t) - 1
        if at < 0:
            return 0
        piece = self.pieces[at]
        passed = min(t, piece.end) - piece.start
        slope = (piece.after - piece.before) / (piece.end - piece.start)
        integral = (self.sums[at - 1] if at else 0.0) + piece.before * passed + slope * passed * passed / 2
        number = max(0, math.ceil(integral - 0.5))
        while (due := self.due(number)) is not None and due < t:  # `due` decides where rounding says otherwise
            number += 1
        while number and ((due := self.due(number - 1)) is None or due >= t):
            number -= 1
        return number

    @property
    def total(self) -> int:
        """How many there are in all; only what has an end has a total."""
        return self.before(self.end)

    def stretched(self, old: float, new: float) -> Self:
        """The same rates, with what happens at `old` happening at `new`, and everything else in proportion."""
        pieces = tuple(p._replace(start=p.start * new / old, end=p.end * new / old) for p in self.pieces)
        return type(self)(pieces, self.end * new / old)

    def ends_at(self, t: float) -> Self:
        """The same, over after `t` seconds if it isn't before."""
        return type(self)(self.pieces, min(self.end, t))


class Turn(NamedTuple):
    """Which of the requests are one worker's from `since` (s of run time) on: every `of`-th, this worker's at `rank`.

    Workers take turns, so that their requests interleave evenly and each is exactly one worker's. `of` 0: none are.
    """

    since: float
    rank: int
    of: int


class Turns:
    """One worker's requests, by the turns it is given. Numbers only grow: what was handed out never comes again."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.arrivals = arrivals
        self.next: float = math.inf
        """When the next request is due, in s of run time; infinite when there is none."""
        self._number = -1
        """Of the next request, or where there is none, of the last one handed out."""
        self._handed = -1
        self._border = 0
        """The first number of the turn that is on."""
        self._turn: Turn | None = None
        self._later: list[Turn] = []

    def add(self, turn: Turn) -> None:
        """Follow `turn` from its time on, however many others are to come before it."""
        self._later = [later for later in self._later if later.since < turn.since] + [turn]
        self._find()

    def pop(self) -> float:
        """`next`, which is handed out; the one after it is found."""
        due, self._handed = self.next, self._number
        self._find()
        return due

    def _find(self) -> None:
        """Find the first request after the last one handed out that is ours."""
        while True:
            at_least = max(self._handed + 1, self._border)
            number: int | None = None
            if self._turn is not None and self._turn.of:
                number = at_least + (self._turn.rank - at_least) % self._turn.of
            border = self.arrivals.before(self._later[0].since) if self._later else None
            if border is None or (number is not None and number < border):
                break
            self._turn, self._border = self._later.pop(0), border
        due = None if number is None else self.arrivals.due(number)
        self.next = math.inf if due is None else due
        self._number = self._handed if number is None else number
