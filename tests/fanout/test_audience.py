"""fanout/audience.py: what a connection lost, got twice or got late is counted exactly; a restart is no loss."""

import pytest
from audiences import Counts, Seen, Worker
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.fanout.audience import LOST_S
from loadtest.fanout.known import KEEP_S
from loadtest.fanout.marks import Marks


def heard(numbers: list[int], *, every: float = 0.1, wait: float = 0.0) -> Counts:
    """What is counted of one connection that gets these numbers, each its own payload, and is closed."""
    worker = Worker("w")
    for i, number in enumerate(numbers):
        worker.get("a", i * every, b"%d" % number, number)
    worker.tell(len(numbers) * every + wait)
    worker.leave("a", len(numbers) * every + wait)
    return worker.counts


@pytest.mark.parametrize(
    ("numbers", "lost", "duplicated", "reordered"),
    [
        ([1, 2, 3], 0, 0, 0),
        ([70_000, 70_001], 0, 0, 0),  # a sequence may start anywhere
        ([-2, -1, 0, 1], 0, 0, 0),  # below zero as well
        ([1, 2, 5, 6], 2, 0, 0),  # 3 and 4
        ([1, 3, 2, 4], 0, 0, 1),  # swapped: the gap was filled
        ([1, 4, 3, 5], 1, 0, 1),  # 2 is lost, 3 was late
        ([1, 2, 2, 3], 0, 1, 0),
        ([1, 2, 3, 1, 4], 0, 1, 0),  # an older one again, the same bytes
        ([1, 2, 2, 2, 3], 0, 2, 0),
        ([1, 3, 2, 2, 4], 0, 1, 1),  # late, and then again
        ([2, 1, 3], 0, 0, 1),  # swapped with the first
        ([5, 2, 3, 6], 1, 0, 2),  # 4 is between what it has got, so it is lost
        ([1, 3, 5, 7], 3, 0, 0),
    ],
)
def test_each_number_of_a_connection_is_got_lost_late_or_got_twice(
    numbers: list[int], lost: int, duplicated: int, reordered: int
) -> None:
    assert heard(numbers) == Counts(lost, duplicated, reordered)


NUMBERED = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 6) | st.integers(1000, 1004), st.integers(0, 1)), max_size=25
)


@settings(max_examples=1000)
@given(messages=NUMBERED, every=st.sampled_from([0.01, 0.5]), told=st.integers(0, 25), late=st.booleans())
def test_what_is_not_followed_is_counted_as_what_is(
    *, messages: list[tuple[str, int, int]], every: float, told: int, late: bool
) -> None:
    followed, unlike = Worker("w", shares=True), Worker("w", shares=None if late else False)
    for worker in (followed, unlike):
        for i, (who, number, variant) in enumerate(messages):
            if late and i == told and worker is unlike:
                worker.audience._off = True  # found out in the midst of it
            worker.get(who, i * every, b"%d %d" % (number, variant), number)
    stands = [
        {who: (f.first, f.next, f.duplicated, f.reordered, f.epoch) for who, f in worker.followers.items()}
        for worker in (followed, unlike)
    ]
    assert stands[1] == stands[0]
    for worker in (followed, unlike):
        for who in list(worker.followers):
            worker.leave(who, 20.0)
    assert unlike.counts == followed.counts


def test_marks_are_forgotten_after_a_while_and_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = Marks()
    marks.forget(100.0)
    assert marks.find(1, b"x", 0) == (0, True)
    marks.forget(100.0 + KEEP_S / 2)
    assert marks.find(1, b"x", 3) == (0, False)
    marks.forget(100.0 + KEEP_S)
    assert marks.find(1, b"x", 3) == (3, True)
    monkeypatch.setattr("loadtest.fanout.marks.MAX_OPEN", 4)
    for number in range(100):
        marks.find(number, b"y", 0)
    assert len(marks._new) + len(marks._old) <= 8


def test_a_gap_is_lost_when_nothing_filled_it_for_a_while_and_not_again_at_the_end() -> None:
    worker = Worker("w")
    for i, number in enumerate([1, 3, 4]):
        worker.get("a", i * 0.1, b"%d" % number, number)
    worker.tell(1.0)
    assert worker.counts.lost == 0
    worker.tell(LOST_S + 1.0)
    assert worker.counts.lost == worker.followers["a"].lost == 1
    worker.leave("a", LOST_S + 2.0)
    assert worker.counts.lost == 1


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ([1001, 1002, 1003, 1, 2, 3], "back to the start"),
        ([50, 51, 52, 1, 2, 3], "back to a start that is near"),
        ([1, 2, 3, 2_000_000, 2_000_001], "to somewhere else: nobody loses two million in a tenth of a second"),
    ],
)
def test_a_sequence_that_begins_anew_is_a_restart_and_not_a_loss(numbers: list[int], why: str) -> None:
    assert heard(numbers, every=4.0) == Counts(sequence_restarts=1), why


def test_a_restart_under_numbers_that_were_there_before_is_told_from_duplicates_by_the_bytes() -> None:
    worker = Worker("w")
    for i, (number, payload) in enumerate([(1, b"a"), (2, b"b"), (3, b"c"), (1, b"x"), (2, b"y"), (3, b"c2")]):
        for who in ("a", "b"):
            worker.get(who, 4.0 * i, payload, number)
    for who in ("a", "b"):
        worker.leave(who, 30.0)
    assert worker.counts == Counts(sequence_restarts=2)


def test_what_was_lost_before_a_restart_stays_lost() -> None:
    assert heard([1001, 1004, 1, 2], every=4.0) == Counts(lost=2, sequence_restarts=1)


@pytest.mark.parametrize(
    ("due", "first", "missed"),
    [
        (8, 8, 0),  # nothing was sent meanwhile
        (8, 12, 4),
        (8, 1, 0),  # the server began anew
        (None, 12, 0),  # its first session
    ],
)
def test_what_passed_between_two_sessions_of_a_user_is_counted_apart(due: int | None, first: int, missed: int) -> None:
    worker = Worker("w")
    follower = worker.get("other", 0.0, b"1", 1)
    fresh = type(follower)(5.0)
    fresh.resumes = due
    worker.audience.place(fresh, Seen(first), b"%d" % first, 5.0)
    assert worker.counts == Counts(missed_meanwhile=missed)
    assert fresh.due == first + 1


def test_each_connection_with_numbers_of_its_own_loses_nothing() -> None:
    worker = Worker("w")
    for i in range(20):
        worker.get("a", i * 0.1, b"a%d" % i, i)
        worker.get("b", i * 0.1, b"b%d" % i, i + 7)
    for who in ("a", "b"):
        worker.leave(who, 3.0)
    assert worker.counts == Counts()


def test_messages_before_the_first_number_are_not_held_against_it() -> None:
    worker = Worker("w")
    worker.get("a", 0.0, b"welcome")
    for i in range(5):
        worker.get("a", 1.0 + i, b"%d" % i, 100 + i)
    worker.get("a", 7.0, b"news")  # and one without a number in between
    worker.get("a", 8.0, b"5", 105)
    worker.leave("a", 9.0)
    assert worker.counts == Counts()


def test_without_numbers_the_same_bytes_sent_again_are_another_broadcast() -> None:
    worker = Worker("w")
    for i in range(3):
        for who in ("a", "b", "c"):
            worker.get(who, i * 0.5, b"same")
    (report,) = worker.tell(5.0).fanout
    assert sorted((h.first, h.got, h.again) for h in report.heard) == [
        (0, 3, False),
        (500_000, 3, True),
        (1_000_000, 3, True),
    ]


def test_without_numbers_a_message_that_came_twice_is_told_from_the_next_broadcast() -> None:
    worker = Worker("w")
    for who in ("a", "b", "c"):
        worker.get(who, 0.0, b"one")
    worker.get("a", 0.001, b"one")
    (report,) = worker.tell(5.0).fanout
    assert [h.got for h in report.heard] == [3]
    assert worker.counts == Counts(duplicated=1)


def test_a_channel_on_which_each_connection_has_messages_of_its_own_is_not_followed() -> None:
    worker = Worker("w")
    for i in range(300):
        for who in ("a", "b"):
            worker.get(who, i * 0.01, b"%s%d" % (who.encode(), i))
    (report,) = worker.tell(10.0).fanout
    assert report.off
    assert report.heard == []
    for who in ("a", "b"):
        worker.leave(who, 20.0)
    assert worker.counts == Counts()


def test_a_profile_that_says_so_is_believed_either_way() -> None:
    told, denied = Worker("w", shares=True), Worker("w", shares=False)
    for worker in (told, denied):
        for i in range(300):
            worker.get("ab"[i % 2], i * 0.01, b"%d" % i)
    assert len(told.tell(10.0).fanout[0].heard) == 300
    assert denied.tell(10.0).fanout[0].heard == []


def test_a_broadcast_is_told_once_and_then_only_what_came_of_it_since() -> None:
    worker = Worker("w")
    worker.get("a", 0.0, b"1", 1)
    worker.get("b", 0.2, b"1", 1)
    assert worker.tell(1.0).fanout[0].heard == []  # too early
    (first,) = worker.tell(3.0).fanout[0].heard
    assert (first.got, first.first, first.last, first.more) == (2, 0, 200_000, False)
    worker.get("c", 3.5, b"1", 1)
    (more,) = worker.tell(4.0).fanout[0].heard
    assert (more.got, more.last, more.more) == (1, 3_500_000, True)
    assert worker.tell(5.0).fanout[0].heard == []
