"""swarm/locust_patches.py: each patch is still needed, and does what it says.

A failure here after an upgrade of Locust means that a patch can go, or that what it patches has changed.
"""

from typing import Any

from locust import User, argument_parser, runners, task
from locust.env import Environment
from locust.runners import LocalRunner

import gevent
import pytest

from loadtest.swarm import locust_patches


class Sleeper(User):
    """Leaves at once, as ours do."""

    departed: list["Sleeper"]

    @task
    def live(self) -> None:
        gevent.sleep(60)

    def depart(self) -> None:
        self.departed.append(self)
        assert self.greenlet is not None
        self.group.discard(self.greenlet)
        self.greenlet.kill(block=False)


class Slow(User):
    """Locust's own kind: takes its time to stop."""

    @task
    def live(self) -> None:
        gevent.sleep(0.3)


@pytest.fixture
def environment() -> Any:
    made = Environment(user_classes=[Sleeper, Slow])
    made.create_local_runner()
    Sleeper.departed = []
    yield made
    assert made.runner is not None
    made.runner.quit()


def fire(environment: Environment) -> int:
    environment.events.request.fire(
        request_type="GET", name="/", response_time=1.0, response_length=0, exception=None, context={}
    )
    return environment.stats.total.num_requests


def test_locust_counts_requests_itself_unless_silenced(environment: Environment) -> None:
    assert fire(environment) == 1, "Locust no longer logs request events itself: silence_own_statistics can go"
    locust_patches.silence_own_statistics(environment)
    assert fire(environment) == 1


def test_locust_would_remove_a_missing_worker_and_ramp_up_anew() -> None:
    import inspect  # noqa: PLC0415 - only here

    source = inspect.getsource(runners.MasterRunner.heartbeat_worker)
    assert "HEARTBEAT_DEAD_INTERNAL" in source
    assert "self._users_dispatcher = None" in source, "Locust keeps its dispatcher now: keep_dead_workers_out can go"
    locust_patches.keep_dead_workers_out()
    assert runners.HEARTBEAT_DEAD_INTERNAL < -3600


def test_a_spawn_message_builds_the_argument_parser_once_and_not_for_every_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []

    def counted(*args: Any, **rest: Any) -> Any:
        made.append(1)
        return original(*args, **rest)

    original = argument_parser.setup_parser_arguments
    monkeypatch.setattr(argument_parser, "setup_parser_arguments", counted)
    monkeypatch.setattr(argument_parser, "default_args_dict", _unpatched(argument_parser.default_args_dict))
    argument_parser.default_args_dict()
    argument_parser.default_args_dict()
    assert len(made) == 2, "Locust remembers its default arguments itself: remember_default_arguments can go"
    locust_patches.remember_default_arguments()
    for _ in range(50):
        argument_parser.default_args_dict()
    assert len(made) == 3


def _unpatched(function: Any) -> Any:
    return getattr(function, "__wrapped__", function)


def test_locust_blocks_while_users_stop() -> None:
    environment = Environment(user_classes=[Slow], stop_timeout=5)
    runner = LocalRunner(environment)
    try:
        runner.spawn_users({"Slow": 2})
        gevent.sleep(0.01)
        stopping = gevent.spawn(runner.stop_users, {"Slow": 1})
        gevent.sleep(0.05)
        assert not stopping.ready(), "Locust no longer waits for stopping users: replace_stop_users can go"
        assert runner.user_classes_count["Slow"] == 2, "nor counts them as running"
        stopping.get(timeout=10)
    finally:
        runner.quit()


def test_users_that_depart_leave_the_count_at_once_and_no_others_stop(environment: Environment) -> None:
    runner = environment.runner
    assert runner is not None
    locust_patches.replace_stop_users(runner)
    runner.spawn_users({"Sleeper": 5})
    gevent.sleep(0.01)
    runner.stop_users({"Sleeper": 2})
    runner.stop_users({"Sleeper": 1})  # as from a spawn message that follows at once
    assert runner.user_classes_count["Sleeper"] == 2
    assert len({id(user) for user in Sleeper.departed}) == 3


def test_users_of_other_kinds_stop_as_locust_stops_them(environment: Environment) -> None:
    runner = environment.runner
    assert runner is not None
    locust_patches.replace_stop_users(runner)
    runner.spawn_users({"Slow": 2, "Sleeper": 1})
    gevent.sleep(0.01)
    runner.stop_users({"Slow": 2, "Sleeper": 0})
    assert runner.user_classes_count == {"Slow": 0, "Sleeper": 1}
