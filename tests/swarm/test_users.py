"""swarm/users.py: a user leaves Locust's count at once, and a bug in one never makes it spin or vanish."""

from typing import Any

from locust import task
from locust.env import Environment

import gevent
import pytest

from loadtest.clock import SystemClock
from loadtest.swarm import RestUser
from loadtest.swarm.catalog import Catalog
from loadtest.swarm.cluster.messages import Begin
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.locust_patches import replace_stop_users
from loadtest.swarm.sessions import LocalSession, attach


class Nowhere:
    """A link on which nothing ever arrives."""

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Lost."""


class Busy(RestUser):
    """Never asks for anything, and never ends by itself."""

    host = "http://127.0.0.1:1"

    @task
    def live(self) -> None:
        gevent.sleep(60)


@pytest.fixture
def session() -> Any:
    environment = Environment(user_classes=[Busy])
    runner = environment.create_local_runner()
    replace_stop_users(runner)
    worker = WorkerSession(Nowhere(), SystemClock(), "w1", {})
    session = LocalSession(environment, worker, Catalog())
    attach(environment, session)
    worker.begin(Begin("r1", 0.0, []))
    yield session
    runner.quit()


def test_a_departing_user_leaves_the_count_at_once_and_finishes_apart(session: LocalSession) -> None:
    runner = session.environment.runner
    assert runner is not None
    (user,) = runner.spawn_users({"Busy": 1})
    gevent.sleep(0)
    assert isinstance(user, Busy)
    user.depart()
    assert runner.user_classes_count["Busy"] == 0
    assert len(session.departing) == 1
    session.departing.kill(timeout=5)


def test_a_user_that_is_spawned_after_the_drain_began_never_lives(session: LocalSession) -> None:
    runner = session.environment.runner
    assert runner is not None
    session.worker.leaving = True
    lived: list[str] = []
    original = Busy.on_start
    Busy.on_start = lambda _self: lived.append("lived")  # type: ignore[method-assign, assignment]
    try:
        runner.spawn_users({"Busy": 3})
        with gevent.Timeout(5):
            session.departing.join()
    finally:
        Busy.on_start = original  # type: ignore[method-assign]
    assert runner.user_classes_count["Busy"] == 0
    assert lived == []


def test_leaving_blocks_until_the_last_user_is_gone_or_cuts_it_when_time_is_up(session: LocalSession) -> None:
    runner = session.environment.runner
    assert runner is not None
    runner.spawn_users({"Busy": 2})
    gevent.sleep(0)
    with gevent.Timeout(10):
        session.leave(0.1)
    assert len(session.departing) == 0
    record = session.worker.recorder.take("r1", "w1", (0, 0), 0, {})
    assert record.errors == {"(all)": {"leaving: users did not finish in time and were cut": 1}}
