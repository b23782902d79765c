from fractions import Fraction

import pytest

from loadtest.schedule import Part, Stage
from loadtest.schedule.tracks import Piece, Track


def track(*stages: Stage) -> Track:
    return Track.of(stages, [Part()])


@pytest.mark.parametrize(
    ("stages", "pieces", "last"),
    [
        ([Stage.ramp(10, 5)], [Piece(0, 5, 0, 10)], 10),
        ([Stage.ramp(10, 0), Stage.hold(3)], [Piece(0, 3, 10, 10)], 10),  # a ramp that takes no time is a step
        ([Stage.step(4), Stage.ramp(6, 2)], [Piece(0, 2, 4, 6)], 6),
        ([Stage.step(4), Stage.spike(9, 1), Stage.hold(2)], [Piece(0, 1, 9, 9), Piece(1, 3, 4, 4)], 4),  # and back
        ([Stage.hold(0), Stage.hold(1)], [Piece(0, 1, 0, 0)], 0),  # what takes no time isn't there
        ([Stage.hold(1), Stage.step(7)], [Piece(0, 1, 0, 0)], 7),
        ([], [], 0),
    ],
)
def test_stages_draw_straight_lines(stages: list[Stage], pieces: list[Piece], last: int) -> None:
    drawn = track(*stages)
    assert (list(drawn.pieces), drawn.last) == (pieces, last)


@pytest.mark.parametrize(
    ("t", "level", "until"),
    [
        (0.0, 0, 0),
        (2.0, 4, 4),  # in the ramp
        (5.0, 10, 10),
        (8.0, 3, 10),  # a step: from here on the new level, until here the old one
        (9.0, 3, 3),
        (12.0, 3, 3),  # past the end
    ],
)
def test_a_moment_on_a_border_belongs_to_what_begins_there(t: float, level: int, until: int) -> None:
    drawn = track(Stage.ramp(10, 5), Stage.hold(3), Stage.step(3), Stage.hold(2))
    assert (drawn.level(t), drawn.level_until(t)) == (level, until)


def test_resizing_rounds_half_up_and_keeps_times() -> None:
    resized = track(Stage.ramp(5, 4), Stage.hold(1)).resized(Fraction(1, 2))
    assert resized.pieces == (Piece(0, 4, 0, 3), Piece(4, 5, 3, 3))
    assert resized.last == 3


def test_stretching_ends_exactly_where_it_was_told_to() -> None:
    stretched = track(Stage.ramp(5, 0.1), Stage.hold(0.2)).stretched(0.1 + 0.2, 7.3)
    assert stretched.end == 7.3


def test_a_cap_turns_steps_into_ramps_and_leaves_ways_down_alone() -> None:
    capped = track(Stage.step(20), Stage.hold(5), Stage.ramp(0, 1), Stage.ramp(4, 10)).capped(2)
    assert capped.pieces == (
        Piece(0, 10, 0, 20),  # 20 users at 2/s
        Piece(10, 15, 20, 20),
        Piece(15, 16, 20, 0),
        Piece(16, 26, 0, 4),  # slow enough already
    )
