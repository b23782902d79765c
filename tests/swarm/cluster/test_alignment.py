"""swarm/cluster/alignment.py: four timestamps give the offset to the master's clock, and what it can be off by."""

from typing import Any

import pytest

from loadtest.clock import SystemClock
from loadtest.clocksync import LIKELY
from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.alignment import Alignment
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.cluster.messages import ClockAsk, ClockTell


class Hands(SystemClock):
    """A clock that stands until it is set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now


class Nowhere:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, str | None]] = []

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        self.sent.append((msg_type, data, client_id))


@pytest.mark.parametrize(
    ("there", "thinking", "back", "error"),
    [
        (0.001, 0.0, 0.001, 0.001),  # both ways alike
        (0.004, 0.0, 0.0, 0.002),  # all of it on the way there: off by 2 ms, and said to be
        (0.001, 5.0, 0.001, 0.001),  # a busy master: what it took to answer is known, and no part of the round trip
    ],
)
def test_the_true_offset_is_within_the_error_however_unequal_the_ways(
    there: float, thinking: float, back: float, error: float
) -> None:
    clock = Hands(100.0)
    alignment = Alignment(Nowhere(), clock)
    assert alignment.at(100.0) is None
    clock.now = 100.0 + there + thinking + back
    alignment.told(ClockTell(100.0, 730.01234567 + there, 730.01234567 + there + thinking))
    found = alignment.at(clock.now)
    assert found is not None
    assert found.error == pytest.approx(error + thinking * LIKELY)  # which is its age
    assert abs(found.offset - 630.01234567) <= found.error + 1e-9


def test_the_master_answers_the_one_who_asked_with_its_own_clock() -> None:
    link, clock = Nowhere(), Hands(55.0)
    master = MasterSession(link, clock, {})
    master.receive(ClockAsk, "w1", {"asked": 3.5})
    assert link.sent == [(messages.name_of(ClockTell), {"asked": 3.5, "heard": 55.0, "told": 55.0}, "w1")]


def test_an_answer_to_nothing_that_was_asked_changes_nothing() -> None:
    alignment = Alignment(Nowhere(), Hands(1.0))
    alignment.told(ClockTell(9.0, 5.0, 5.0))
    assert alignment.at(1.0) is None
