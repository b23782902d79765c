"""cluster/standing.py: what a worker was told only once and never heard is said again."""

from collections.abc import Iterator
from typing import Any

import pytest

from loadtest.clock import SystemClock
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.cluster.messages import Begin, Hello, Rate, Standing, TakeTurn, name_of
from loadtest.swarm.cluster.rota import Rota
from loadtest.swarm.cluster.standing import SETTLE_S, Heard, Understanding
from loadtest.swarm.cluster.worker import WorkerSession


class Link:
    """Keeps what was sent: (name, data)."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:  # noqa: ARG002
        self.sent.append((msg_type, data))

    def of(self, kind: type[Any]) -> list[Any]:
        return [data for name, data in self.sent if name == name_of(kind)]


@pytest.fixture
def link() -> Link:
    return Link()


@pytest.fixture
def worker(link: Link) -> Iterator[WorkerSession]:
    session = WorkerSession(link, SystemClock(), "w", {})
    yield session
    session.joining.done = True  # it need not be answered any more
    session.reports.alignment.stop()


def standing(users: int = 3, turn: tuple[float, int, int] | None = None) -> Standing:
    return Standing("r", 0, {"Subscriber": users}, turn)


def test_only_what_is_said_well_after_it_was_told_shows_that_it_was_missed() -> None:
    told = {"Subscriber": 5, "Poller": 0}
    assert not Heard(10.0, standing(3)).missed_users(told, 10.0 - SETTLE_S)
    assert Heard(10.1, standing(3)).missed_users(told, 10.0 - SETTLE_S)
    assert not Heard(10.1, standing(5)).missed_users(told, 10.0 - SETTLE_S)
    assert Heard(10.1, standing()).missed_turn((0.0, 0, 2), 0.0)
    assert not Heard(10.1, standing(turn=(0.0, 0, 2))).missed_turn((0.0, 0, 2), 0.0)


def test_a_worker_says_what_it_was_told_last_in_this_life(worker: WorkerSession, link: Link) -> None:
    understanding = Understanding(worker)
    worker.begin(Begin("r", 0.0, []))
    assert understanding.may_run({"Subscriber": 3})
    worker.receive(TakeTurn, {"run": "r", "since": 1.5, "rank": 1, "of": 2})
    understanding.say()
    assert link.of(Standing) == [{"run": "r", "incarnation": 0, "users": {"Subscriber": 3}, "turn": (1.5, 1, 2)}]


def test_users_of_a_run_whose_begin_got_lost_are_not_started_and_the_run_is_asked_for(
    worker: WorkerSession, link: Link
) -> None:
    understanding = Understanding(worker)
    worker.joining.done = True
    assert not understanding.may_run({"Subscriber": 3})
    assert not worker.joined  # it says hello until it is answered
    understanding.say()
    assert link.of(Standing) == []


def test_turns_are_told_anew_to_all_when_one_worker_missed_its_own(link: Link) -> None:
    session = MasterSession(link, SystemClock(), {})
    for name in "ab":
        session.receive(Hello, name, {"protocol": 0, "version": "", "digests": {}})
        session.roster.let_in(name)
    run = session.begin("r", ["http://t"], None, rates={"visitors": Rate([(0.0, 10.0, 0.0, 100.0)], 10.0)})
    run.origin -= 5.0
    rota = Rota(session)
    rota.follow(["a", "b"])
    told = link.of(TakeTurn)
    assert len(told) == 2
    run.origin -= 2.0
    heard = [
        (name, Standing("r", 0, {}, (turn["since"], turn["rank"], 2))) for name, turn in zip("ab", told, strict=True)
    ]
    for name, said in heard:
        session.standings.take(session.elapsed(), name, said)
    rota.follow(["a", "b"])
    assert len(link.of(TakeTurn)) == 2
    session.standings.take(session.elapsed(), "b", Standing("r", 0, {}))
    rota.follow(["a", "b"])
    assert len(link.of(TakeTurn)) == 4
    assert link.of(TakeTurn)[-1]["since"] > session.elapsed()
