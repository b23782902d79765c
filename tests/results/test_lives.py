"""results/lives.py: what is known of each life of a worker, and what was lost with it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.results import Record, Summary
from loadtest.results.lives import Life, Lives

BASE = Record("r1", "w1", 0, 0, 0, [], {}, {}, {}, {})


def record(serial: int, *, incarnation: int = 0, users: int = 5, final: bool = False, **counts: int) -> Record:
    return msgspec.structs.replace(
        BASE,
        serial=serial,
        second=serial,
        incarnation=incarnation,
        counters={"g": counts} if counts else {},
        gauges={"g": {"users": users}},
        final=final,
    )


@given(st.lists(st.integers(0, 30)))
def test_each_serial_is_taken_once_in_any_order(serials: list[int]) -> None:
    life = Life()
    taken = [serial for serial in serials if life.take(serial)]
    assert sorted(taken) == sorted(set(serials))
    assert life.arrived == len(taken)
    assert life.holes == (max(serials) + 1 - len(taken) if serials else 0)


def test_a_life_that_was_given_up_is_named_with_its_users_and_its_gap() -> None:
    lives = Lives()
    for serial in (0, 1, 2):
        lives.add(record(serial, connects=3, connected=2))
    lives.lose("w1", 0, 7.5)
    (loss,) = lives.losses()
    assert (loss.worker, loss.since, loss.until, loss.seconds) == ("w1", 3.0, 7.5, 4.5)
    assert (loss.users, loss.connections, loss.handed_over) == (5, 6, False)
    assert str(loss) == (
        "w1 was lost at 8 s with 5 users and 6 open connections; nothing is known of it from 3 s to 8 s (4.5 s)"
    )
    assert not lives.unfinished("w1")  # nobody waits for it


def test_a_second_that_never_arrived_before_the_loss_counts_as_well() -> None:
    lives = Lives()
    for serial in (0, 2):
        lives.add(record(serial))
    lives.lose("w1", 0, 3.0)
    assert lives.losses()[0].seconds == 1.0


def test_what_a_thawed_worker_hands_over_closes_its_gap_but_not_the_fact_that_it_was_lost() -> None:
    lives = Lives()
    lives.add(record(0, connects=2, connected=2))
    lives.lose("w1", 0, 4.0)
    lives.add(record(1, users=9))
    lives.add(record(2, users=0, final=True, closed_by_us=2))
    (loss,) = lives.losses()
    assert (loss.handed_over, loss.seconds, loss.users, loss.connections) == (True, 0.0, 5, 0)
    assert "handed over everything" in str(loss)


def test_a_worker_that_died_before_its_first_record_has_a_gap_from_when_it_was_let_in() -> None:
    lives = Lives()
    lives.begin("w1", 0, 10.4)
    lives.lose("w1", 0, 15.0)
    assert lives.losses()[0].since == 10


def test_lives_are_apart_and_a_worker_is_finished_when_all_that_were_not_given_up_are() -> None:
    lives = Lives()
    lives.add(record(0))
    lives.lose("w1", 0, 2.0)
    lives.add(record(0, incarnation=1))
    assert lives.unfinished("w1")
    lives.add(record(1, incarnation=1, final=True))
    assert not lives.unfinished("w1")
    assert lives.unfinished("never heard of")


@pytest.mark.parametrize("given_up", [False, True])
def test_the_ledger_balances_although_nobody_saw_the_end_of_a_lost_worker_s_connections(*, given_up: bool) -> None:
    summary = Summary("r1")
    summary.add(record(0, connects=10, connected=7, connects_failed=1, closed_by_server=2))
    if given_up:
        summary.lives.lose("w1", 0, 1.0)
    ledger = summary.ledger()
    assert (ledger.lost_with_worker, ledger.cancelled) == ((5, 2) if given_up else (0, 0))
    assert (ledger.open, ledger.pending) == ((0, 0) if given_up else (5, 2))
