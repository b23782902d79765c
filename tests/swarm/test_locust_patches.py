"""swarm/locust_patches.py: each patch is still needed, and does what it says.

A failure here after an upgrade of Locust means that a patch can go, or that what it patches has changed.
"""

import inspect
import sys
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

from locust import User, argument_parser, runners, task
from locust.env import Environment
from locust.rpc import Message
from locust.runners import LocalRunner

import gevent
import pytest
import zmq.green as zmq
from gevent.pywsgi import WSGIHandler, WSGIServer
from programs import free_port, until

from loadtest.swarm import control_port, locust_patches


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


def test_locust_would_act_on_losses_itself() -> None:
    master = inspect.getsource(runners.MasterRunner.heartbeat_worker)
    worker = inspect.getsource(runners.WorkerRunner.heartbeat_timeout_checker)
    needed = "Locust no longer does this: leave_losses_to_us can go"
    assert "self._users_dispatcher = None" in master, needed
    assert "The last worker went missing, stopping test" in master, needed
    assert "time.time() - MASTER_HEARTBEAT_TIMEOUT" in worker, needed
    locust_patches.leave_losses_to_us()
    assert runners.HEARTBEAT_LIVENESS - 10**9 > 0  # what heartbeat_worker() does and compares
    assert not runners.HEARTBEAT_LIVENESS <= runners.HEARTBEAT_DEAD_INTERNAL
    assert not time.time() - runners.MASTER_HEARTBEAT_TIMEOUT > 1.0


@pytest.fixture
def master() -> Any:
    environment = Environment(user_classes=[Slow])
    runner = environment.create_master_runner("127.0.0.1", free_port())
    yield runner
    runner.quit()


def told(runner: Any) -> list[str]:
    """What the master sends from now on."""
    sent: list[str] = []
    runner.server.send_to_client = lambda message: sent.append(message.type)
    return sent


def test_locust_tells_a_worker_it_does_not_know_to_quit_unless_screened(master: Any) -> None:
    sent = told(master)
    report = Message("spawning_complete", {"user_classes_count": {}, "user_count": 0}, "w1")
    master.handle_message("w1", report)
    assert sent == ["quit"], "Locust no longer sends strangers away: screen_workers can go"
    asked: list[tuple[str, str, bool]] = []
    locust_patches.screen_workers(master, lambda *question: bool(asked.append(question)))
    master.handle_message("w1", report)
    assert (sent, asked) == (["quit"], [("w1", "spawning_complete", False)])


def test_locust_takes_the_run_for_stopped_when_all_workers_are_missing_unless_screened(master: Any) -> None:
    heard: list[str] = []
    master.register_message("loadtest.x", lambda msg, **_: heard.append(msg.node_id))
    master.clients["w1"] = runners.WorkerNode("w1", runners.STATE_MISSING)
    master.state = runners.STATE_RUNNING
    master.handle_message("w1", Message("loadtest.x", None, "w1"))
    assert master.state == runners.STATE_STOPPED, "Locust no longer does: screen_workers need not carry messages"
    master.state = runners.STATE_RUNNING
    locust_patches.screen_workers(master, lambda *_question: True)
    master.handle_message("w1", Message("loadtest.x", None, "w1"))
    assert (master.state, heard) == (runners.STATE_RUNNING, ["w1", "w1"])


@pytest.mark.parametrize("kind", ["loadtest.x", "client_stopped"])
def test_what_a_message_raises_ends_no_listener_and_is_logged_once(
    master: Any, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(locust_patches, "_contained", set())
    monkeypatch.setattr(control_port, "DROPPED", Counter())
    monkeypatch.setattr(runners.MasterRunner, "handle_message", fail)  # Locust's own
    master.register_message("loadtest.x", fail)
    with pytest.raises(ZeroDivisionError):
        master.handle_message("w1", Message(kind, None, "w1"))
    locust_patches.screen_workers(master, lambda *_question: True)
    for _ in range(100):
        master.handle_message("w1", Message(kind, None, "w1"))
    assert control_port.DROPPED == {"a message that could not be handled": 100}
    assert sum("could not be handled; others" in record.getMessage() for record in caplog.records) == 1


def test_what_a_masters_message_raises_ends_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    class Runner:
        last_received_spawn_timestamp = 0.0

        def handle_message(self, _msg: Message) -> None:
            raise ZeroDivisionError

    monkeypatch.setattr(control_port, "DROPPED", Counter())
    runner: Any = Runner()
    locust_patches.take_spawn_messages_in_their_order(runner, lambda: None)
    runner.handle_message(Message("spawn", {}, "w1"))
    assert control_port.DROPPED.total() == 1


def test_locust_drops_spawn_messages_of_a_clock_that_steps_back_unless_patched() -> None:
    source = inspect.getsource(runners.WorkerRunner.handle_message)
    assert 'job["timestamp"] <= self.last_received_spawn_timestamp' in source, (
        "take_spawn_messages_in_their_order can go"
    )
    seen: list[tuple[str, float]] = []

    class Runner:
        last_received_spawn_timestamp = 1e12

        def handle_message(self, msg: Message) -> None:
            seen.append((msg.type, self.last_received_spawn_timestamp))

    runner, heard = Runner(), []
    locust_patches.take_spawn_messages_in_their_order(runner, lambda: heard.append(1))  # type: ignore[arg-type]
    for kind in ("heartbeat", "spawn"):
        runner.handle_message(Message(kind, {}, "w1"))
    assert seen == [("heartbeat", 1e12), ("spawn", 0)]
    assert len(heard) == 2


@pytest.fixture
def web_ui(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "argv", ["locust"])  # it parses that again
    made = environment.create_web_ui("127.0.0.1", free_port(), delayed_start=True)
    yield made
    made.stop()


def test_locust_serves_its_page_to_any_number_for_ever_unless_it_has_another_server(web_ui: Any) -> None:
    web_ui.start()
    until(lambda: web_ui.server is not None, "the server")
    assert type(web_ui.server) is WSGIServer, "Locust has a server of its own: look whether serve_page_by can go"
    assert (web_ui.server.pool, web_ui.server.handler_class) == (None, WSGIHandler), "it has limits"
    web_ui.stop()
    web_ui.greenlet.join(timeout=10)
    ours = WSGIServer(("127.0.0.1", 0), web_ui.app)
    locust_patches.serve_page_by(web_ui, lambda: ours)
    web_ui.start()
    until(lambda: ours.started, "ours")
    assert web_ui.server is ours


def dealer(context: "zmq.Context[Any]", port: int) -> "zmq.Socket[bytes]":
    made = context.socket(zmq.DEALER)
    made.setsockopt(zmq.IDENTITY, b"w1")
    made.setsockopt(zmq.LINGER, 0)
    made.connect(f"tcp://127.0.0.1:{port}")
    return made


@pytest.mark.parametrize("patched", [False, True])
def test_a_router_lets_a_worker_take_its_own_place_over_only_if_told_to(*, patched: bool) -> None:
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.LINGER, 0)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    if patched:
        carrier = SimpleNamespace(server=SimpleNamespace(socket=router))
        locust_patches.let_workers_reconnect(carrier)  # type: ignore[arg-type]
    first = dealer(context, port)
    first.send(b"hello")
    assert router.recv_multipart() == [b"w1", b"hello"]
    second = dealer(context, port)  # while the first connection is, as after a cut, still there
    second.send(b"again")
    assert bool(router.poll(5000 if patched else 300)) is patched, "ROUTER_HANDOVER is the default now"
    for socket in (first, second, router):
        socket.close()
    context.term()


def test_new_connections_before_the_master_is_back_do_not_fight_for_its_ear() -> None:
    context = zmq.Context()
    port = free_port()
    socket = dealer(context, port)
    socket.setsockopt(zmq.LINGER, -1)  # as Locust's
    runner = SimpleNamespace(master_host="127.0.0.1", master_port=port, client=SimpleNamespace(socket=socket))
    for number in range(3):
        socket.send(b"into the void %d" % number)
        locust_patches.reconnect(runner)  # type: ignore[arg-type]
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.LINGER, 0)
    router.setsockopt(zmq.ROUTER_HANDOVER, 1)
    router.bind(f"tcp://127.0.0.1:{port}")
    for number in range(50):
        socket.send(b"%d" % number)
        assert router.poll(5000), f"message {number} never came"
        assert router.recv_multipart() == [b"w1", b"%d" % number]
        router.send_multipart([b"w1", b"yes"])
        assert socket.poll(5000), f"the answer to message {number} never came"
        assert socket.recv() == b"yes"
        gevent.sleep(0.01)  # time for a connection of old to show up
    socket.setsockopt(zmq.LINGER, 0)
    for each in (socket, router):
        each.close()
    context.term()


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


class Looked(list[Any]):
    """Greenlets that tell how often all of them were looked at."""

    def __init__(self, of: Any) -> None:
        super().__init__(of)
        self.times = 0

    def __iter__(self) -> Any:
        self.times += 1
        return super().__iter__()


def test_locust_looks_at_every_user_to_count_them(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = LocalRunner(environment)
    try:
        runner.spawn_users({"Sleeper": 3})
        looked = Looked(runner.user_greenlets)
        monkeypatch.setattr(runner, "user_greenlets", looked)
        assert runner.user_classes_count == {"Sleeper": 3, "Slow": 0}
        assert looked.times == 1, "Locust keeps count of its users itself: count_users can go"
    finally:
        monkeypatch.undo()
        runner.quit()


def test_users_are_counted_by_class_as_they_come_and_go(environment: Environment) -> None:
    runner = environment.runner
    assert runner is not None
    runner.spawn_users({"Slow": 1})
    running = locust_patches.count_users(runner)
    assert locust_patches.count_users(runner) is running, "once is enough"
    runner.spawn_users({"Sleeper": 3})
    gevent.sleep(0.01)
    assert runner.user_classes_count == {"Slow": 1, "Sleeper": 3}
    assert runner.user_count == 4
    (last,) = running.latest(Sleeper, 1)
    runner.spawn_users({"Sleeper": 1})
    newest, *others = running.latest(Sleeper, 10)
    assert len(others) == 3
    assert others[0] is last
    assert running.latest(Sleeper, 2) == [newest, last]
    newest.depart()
    last.depart()
    assert runner.user_classes_count == {"Slow": 1, "Sleeper": 2}
    assert running.latest(Sleeper, 0) == []
    runner.stop_users({"Slow": 1})  # by Locust's own way: it ends, and is discarded dead
    assert runner.user_classes_count == {"Slow": 0, "Sleeper": 2}
    assert isinstance(runner, LocalRunner)
