"""swarm/page_seats.py: who keeps a connection when there are too many, by a clock that is set by hand."""

from collections import Counter
from typing import Any

import pytest

from loadtest.swarm.page_seats import Closed, Limits, Seat, Seats


class House:
    """Seats, the time, and which connections were ended."""

    def __init__(self, everybody: int = 4, of_one: int = 3) -> None:
        self.time = 0.0
        self.ended: list[str] = []
        self.why: Counter[str] = Counter()
        self.seats = Seats(Limits(everybody, of_one), lambda: self.time, lambda why: self.why.update([why]))

    def come(self, owner: str, name: str, *, waits: bool = True) -> Seat | None:
        """A connection comes, a second after the last one; unless it `waits` it is at work at once."""
        self.time += 1
        seat = self.seats.take(owner, lambda: self.ended.append(name))
        if seat is not None and waits:
            self.seats.expect(seat, "silent", 10.0)
        return seat


def test_who_has_too_many_loses_its_own_that_waited_longest() -> None:
    house = House()
    house.come("b", "b1")
    for name in ("a1", "a2", "a3", "a4", "a5"):
        assert house.come("a", name) is not None
    assert house.ended == ["a1", "a2"]
    assert house.seats.count == 4


def test_when_all_are_taken_the_one_with_most_makes_room() -> None:
    house = House()
    for owner, name in (("b", "b1"), ("a", "a1"), ("a", "a2"), ("c", "c1")):
        house.come(owner, name)
    assert house.come("d", "d1") is not None
    assert house.ended == ["a1"]
    assert house.seats.count == 4


def test_the_next_one_makes_room_if_all_of_the_greediest_are_at_work() -> None:
    house = House()
    house.come("a", "a1", waits=False)
    house.come("a", "a2", waits=False)
    house.come("b", "b1")
    house.come("c", "c1", waits=False)
    assert house.come("d", "d1", waits=False) is not None
    assert house.ended == ["b1"]
    assert house.come("e", "e1") is None, "all are at work now"
    assert house.why == {"in favour of others": 1, "because all are at work": 1}


def test_one_at_work_is_never_ended_for_another() -> None:
    house = House()
    seats = [house.come("a", name, waits=False) for name in ("a1", "a2", "a3")]
    assert house.come("a", "a4") is None
    assert house.come("b", "b1") is not None, "others have their places"
    assert seats[1] is not None
    house.seats.expect(seats[1], "silent", 10.0)
    assert house.come("a", "a5") is not None
    assert house.ended == ["a2"]


def test_an_answer_that_is_not_taken_makes_room_only_after_its_grace() -> None:
    house = House(of_one=1)
    seat = house.come("a", "a1", waits=False)
    assert seat is not None
    house.seats.expect(seat, "deaf", 60.0, grace=5.0)
    assert house.come("a", "a2") is None
    house.time += 5
    assert house.come("a", "a3") is not None
    assert house.ended == ["a1"]


def test_whoever_takes_too_long_is_hung_up_on_and_told_of_unless_it_was_only_idle() -> None:
    house = House()
    silent, idle, busy = house.come("a", "silent"), house.come("a", "idle"), house.come("b", "busy", waits=False)
    assert None not in (silent, idle, busy)
    house.seats.expect(idle, "", 8.0)  # type: ignore[arg-type]
    house.time = 9.9
    house.seats.hang_up_overdue()
    assert house.ended == []
    house.time = 11.0
    house.seats.hang_up_overdue()
    assert sorted(house.ended) == ["idle", "silent"]
    assert house.why == {"silent": 1}
    house.time = 1e9
    house.seats.hang_up_overdue()
    assert (len(house.ended), house.seats.count) == (2, 1)


def test_a_place_that_was_given_back_is_free_and_twice_is_once() -> None:
    house = House(everybody=2, of_one=2)
    first, _second = house.come("a", "a1"), house.come("a", "a2")
    assert first is not None
    house.seats.leave(first)
    house.seats.leave(first)
    assert house.seats.count == 1
    assert house.come("b", "b1") is not None
    assert house.ended == []


def test_a_flood_is_counted_and_not_logged_line_by_line(caplog: pytest.LogCaptureFixture) -> None:
    now: list[Any] = [100.0]
    closed = Closed(lambda: now[0])
    for second in range(15):
        now[0] = 100.0 + second
        for _ in range(1000):
            closed.count("with half a request")
        closed.say()
    closed.count("that broke")
    closed.say(at_once=True)
    closed.say(at_once=True)
    assert [record.getMessage() for record in caplog.records] == [
        "1000 connections to the page were closed: 1000 with half a request",
        "11000 connections to the page were closed: 11000 with half a request",
        "15001 connections to the page were closed: 15000 with half a request, 1 that broke",
    ]
