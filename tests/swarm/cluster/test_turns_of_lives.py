"""cluster/worker.py: the turns of open arrivals belong to a life of a worker."""

from typing import Any

import gevent
import pytest

from loadtest.clock import SystemClock
from loadtest.schedule import Turn
from loadtest.swarm.cluster.messages import Begin, TakeTurn
from loadtest.swarm.cluster.worker import WorkerSession


class NoLink:
    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Nobody hears it."""


@pytest.fixture
def worker() -> WorkerSession:
    session = WorkerSession(NoLink(), SystemClock(), "w", {})
    session.receive(Begin, {"run": "r", "elapsed": 0.0, "targets": ["http://t"]})
    return session


def told(run: str, since: float) -> dict[str, Any]:
    return {"run": run, "since": since, "rank": 1, "of": 2}


def test_a_turn_is_kept_and_passed_on(worker: WorkerSession) -> None:
    heard: list[Turn] = []
    worker.on_turn.append(heard.append)
    worker.receive(TakeTurn, told("r", 0.0))
    worker.receive(TakeTurn, told("another run", 1.0))
    assert heard == worker.turns == [Turn(0.0, 1, 2)]


def test_a_new_life_has_none_of_the_turns_of_the_one_before(worker: WorkerSession) -> None:
    worker.receive(TakeTurn, told("r", 0.0))
    worker.receive(Begin, {"run": "r", "elapsed": 9.0, "targets": ["http://t"], "incarnation": 1})
    worker.receive(TakeTurn, told("r", 9.5))  # while the users of the old life still leave
    with gevent.Timeout(10):
        while worker.reports.incarnation < 1:
            gevent.sleep(0.005)
    assert worker.turns == [Turn(9.5, 1, 2)]


def test_the_next_run_begins_without_turns(worker: WorkerSession) -> None:
    worker.receive(TakeTurn, told("r", 0.0))
    worker.receive(Begin, {"run": "r2", "elapsed": 0.0, "targets": ["http://t"]})
    assert worker.turns == []
