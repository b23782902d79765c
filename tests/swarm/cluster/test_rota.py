"""cluster/rota.py: who is told of which turn. That turns leave every request to exactly one is tests/schedule's."""

from typing import Any

import pytest

from loadtest.clock import SystemClock
from loadtest.schedule import Arrivals, Plan, Pool, Stage
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.cluster.messages import Rate, TakeTurn, arrivals_of, name_of, rates_of, read
from loadtest.swarm.cluster.rota import AHEAD_S, Rota


class Told:
    """A link that keeps what was said, by worker."""

    def __init__(self) -> None:
        self.turns: dict[str, list[TakeTurn]] = {}

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        if msg_type == name_of(TakeTurn):
            self.turns.setdefault(str(client_id), []).append(read(TakeTurn, data))


@pytest.fixture
def told() -> Told:
    return Told()


def a_session(told: Told, rates: dict[str, Rate]) -> MasterSession:
    session = MasterSession(told, SystemClock(), {})
    session.begin("r", ["http://t"], None, rates=rates)
    return session


RATES = {"visitors": Rate([(0.0, 10.0, 0.0, 100.0)], 10.0)}


def test_the_first_workers_take_turns_from_the_beginning(told: Told) -> None:
    Rota(a_session(told, RATES)).follow(["a", "b", "c"])
    assert {worker: [(t.since, t.rank, t.of) for t in turns] for worker, turns in told.turns.items()} == {
        "a": [(0.0, 0, 3)],
        "b": [(0.0, 1, 3)],
        "c": [(0.0, 2, 3)],
    }


def test_the_same_workers_are_told_once(told: Told) -> None:
    rota = Rota(a_session(told, RATES))
    rota.follow(["a", "b"])
    rota.follow(["a", "b"])
    assert [len(turns) for turns in told.turns.values()] == [1, 1]


@pytest.mark.parametrize("after", [["a", "c"], ["a"], ["a", "b", "c"]])  # replaced, lost, joined
def test_a_change_is_told_ahead_of_its_time(told: Told, after: list[str]) -> None:
    session = a_session(told, RATES)
    rota = Rota(session)
    rota.follow(["a", "b"])
    before = session.elapsed()
    rota.follow(after)
    new = [told.turns[worker][-1] for worker in after]
    assert [(turn.rank, turn.of) for turn in new] == [(rank, len(after)) for rank in range(len(after))]
    assert len({turn.since for turn in new}) == 1
    assert before + AHEAD_S <= new[0].since <= session.elapsed() + AHEAD_S


def test_the_next_run_begins_anew(told: Told) -> None:
    session = a_session(told, RATES)
    rota = Rota(session)
    rota.follow(["a"])
    session.begin("r2", ["http://t"], None, rates=RATES)
    rota.follow(["a"])
    assert [(turn.run, turn.since) for turn in told.turns["a"]] == [("r", 0.0), ("r2", 0.0)]


def test_a_new_life_of_a_worker_is_told_again(told: Told) -> None:
    session = a_session(told, RATES)
    rota = Rota(session)
    rota.follow(["a", "b"])
    assert session.run is not None
    session.run.participants["b"] = 1
    rota.follow(["a", "b"])
    assert [(turn.rank, turn.of) for turn in told.turns["b"]] == [(1, 2), (1, 2)]
    assert told.turns["b"][1].since >= AHEAD_S


def test_a_master_that_goes_on_with_a_run_catches_up_nothing(told: Told) -> None:
    session = a_session(told, RATES)
    assert session.run is not None
    session.run.origin -= 30.0
    Rota(session).follow(["a"])
    assert told.turns["a"][0].since >= 30.0 + AHEAD_S


@pytest.mark.parametrize(("rates", "workers"), [({}, ["a"]), (RATES, [])])  # no open arrivals; nobody there
def test_without_rates_or_workers_nothing_is_told(told: Told, rates: dict[str, Rate], workers: list[str]) -> None:
    Rota(a_session(told, rates)).follow(workers)
    assert told.turns == {}


def test_arrivals_are_the_same_after_the_wire() -> None:
    pool = Pool(10, Arrivals.of([Stage.ramp(500, 30)]))  # and 500/s until the end
    plan = Plan.over_total([Stage.hold(120)], {}).beside({"visitors": pool})
    there = arrivals_of(rates_of(plan)["visitors"])
    assert there == plan.arrivals["visitors"]
    assert there.total == 7500 + 500 * 90
