"""Everything that Locust 2.47 must be taught, in one place.

Each patch says why; tests/swarm/test_locust_patches.py fails when Locust no longer needs it, or no longer has what is
patched.
"""

import functools
import logging
import math
from collections.abc import Callable
from itertools import islice
from typing import Any, Protocol, runtime_checkable

from locust import User, __version__, argument_parser, runners
from locust.env import Environment
from locust.event import EventHook
from locust.rpc import Message
from locust.runners import MasterRunner, Runner, WorkerRunner
from locust.web import WebUI

import zmq
from gevent.pool import Group
from gevent.pywsgi import WSGIServer

from loadtest.swarm import control_port

__all__ = [
    "Departing",
    "UserGreenlets",
    "apply",
    "count_users",
    "leave_losses_to_us",
    "let_workers_reconnect",
    "reconnect",
    "rejoin",
    "remember_default_arguments",
    "replace_stop_users",
    "screen_workers",
    "serve_page_by",
    "silence_own_statistics",
    "take_spawn_messages_in_their_order",
]

logger = logging.getLogger(__name__)


@runtime_checkable
class Departing(Protocol):
    """A user that can be asked to go at once, without blocking, and is not counted from then on."""

    def depart(self) -> None:
        """Leave the runner's group now; finish in the background."""


def silence_own_statistics(environment: Environment) -> None:
    """Locust must not count requests itself: its tables are filled from Records.

    Runner.__init__ adds a listener that logs every request event into the worker's statistics, which are then sent,
    merged by wall-clock second and percentile-rounded (numbers.md, 7 and 8): everything would be there twice.
    """
    hook: EventHook = environment.events.request
    for handler in list(hook._handlers):  # noqa: SLF001 - there is no public way
        if getattr(handler, "__qualname__", "") == "Runner.__init__.<locals>.on_request":
            hook.remove_listener(handler)


def leave_losses_to_us() -> None:
    """Locust must neither look for dead workers and a dead master itself, nor act on them.

    Its master stops the run when the last worker goes missing, and ramps up anew when one stays missing for 60 s
    (heartbeat_worker(); numbers.md, 1). Its worker quits with exit code 0 when its master is silent for 60 s, counted
    by the wall clock: a clock that steps ends the run (heartbeat_timeout_checker()). What is silent for how long is
    looked at by our MasterSession and MasterWatch, in monotonic time.
    """
    runners.HEARTBEAT_LIVENESS = math.inf  # type: ignore[assignment]
    runners.HEARTBEAT_DEAD_INTERNAL = -math.inf  # type: ignore[assignment]
    runners.MASTER_HEARTBEAT_TIMEOUT = math.inf  # type: ignore[assignment]


def screen_workers(runner: MasterRunner, admits: Callable[[str, str, bool], bool]) -> None:
    """A master must hear of every message first, and Locust must not see those of a worker that has to join anew.

    A master that was restarted ignores the heartbeats of workers that it does not know, and tells them to quit when
    they report users; one that was missing is taken back as it is, with users that others have by now. And after each
    message Locust declares the run stopped if all workers are missing (check_stopped()), so ours do not pass there.
    `admits`: (worker, kind, whether Locust knows it) -> whether Locust sees the message.
    """
    original = runner.handle_message

    def handle_message(client_id: str, msg: Message) -> None:
        if not admits(client_id, msg.type, client_id in runner.clients):
            return
        ours = runner.custom_messages.get(msg.type)
        if ours is None:
            _contain(msg, lambda: original(client_id, msg))
        else:
            _contain(msg, lambda: ours[0](environment=runner.environment, msg=msg))

    runner.handle_message = handle_message  # type: ignore[method-assign]


_contained: set[tuple[str, str]] = set()


def _contain(msg: Message, handle: Callable[[], None]) -> None:
    """Handle a message; what it raises must neither end the loop that reads them, nor fill the log.

    Each error of a kind of message is logged once, and counted with what the control port drops.
    """
    try:
        handle()
    except Exception as problem:  # an edge: Locust's client_listener() and worker() end with whatever is raised
        control_port.drop("a message that could not be handled")
        kind = (msg.type, type(problem).__name__)
        if kind not in _contained:
            _contained.add(kind)
            logger.exception("a %s could not be handled; others that fail like it are only counted", msg.type)


def take_spawn_messages_in_their_order(
    runner: WorkerRunner, heard: Callable[[], None], may_run: Callable[[dict[str, int]], bool] = lambda _users: True
) -> None:
    """A worker must do what the last spawn message says, whatever the master's clock; `heard` is told of every message.

    `may_run` is told what each says (user class -> users) and whether it is to be done.

    handle_message() drops a spawn message whose wall-clock timestamp is not later than the last one's: after a step
    back of the master's clock, or from a restarted master on another machine, that is all of them. ZeroMQ keeps the
    order of one master's messages anyway.
    """
    original = runner.handle_message

    def handle_message(msg: Message) -> None:
        heard()
        if msg.type == "spawn":
            if not may_run((msg.data or {}).get("user_classes_count", {})):
                return
            runner.last_received_spawn_timestamp = 0
        _contain(msg, lambda: original(msg))

    runner.handle_message = handle_message  # type: ignore[method-assign]


def let_workers_reconnect(runner: MasterRunner) -> None:
    """A worker that connects anew must take its own place over.

    A ROUTER refuses a second connection with an identity that it has. After a cut it goes on to have it until TCP
    gives the old connection up, which takes minutes.
    """
    runner.server.socket.setsockopt(zmq.ROUTER_HANDOVER, 1)


def reconnect(runner: WorkerRunner) -> None:
    """Make a new connection on the same socket, whatever TCP thinks of the old one.

    Locust's reset_connection() closes the socket that its own greenlet reads from, which then spins on the error while
    the host's name is looked up.
    """
    endpoint = f"tcp://{runner.master_host}:{runner.master_port}"
    socket = runner.client.socket
    linger = socket.getsockopt(zmq.LINGER)
    # What waits in the old connection must go with it: else that lives on until a master takes it, takes over the place
    # of the new one there, and then ends.
    socket.setsockopt(zmq.LINGER, 0)
    try:
        socket.disconnect(endpoint)
    except zmq.ZMQError as problem:  # it was not connected: its address could not be resolved
        logger.debug("%s: %s", endpoint, problem)
    finally:
        socket.setsockopt(zmq.LINGER, linger)
    socket.connect(endpoint)


def rejoin(runner: WorkerRunner) -> None:
    """Tell a master that is new what Locust tells only when a worker process starts."""
    runner.client.send(Message("client_ready", __version__, runner.client_id))


def remember_default_arguments() -> None:
    """A worker must not stand still for 100 ms and more at each step of a ramp.

    On every spawn message WorkerRunner.handle_message() asks default_args_dict() once for each option, and each call
    builds and runs the whole argument parser. The answer is the same throughout.
    """
    if not hasattr(argument_parser.default_args_dict, "cache_info"):
        argument_parser.default_args_dict = functools.cache(argument_parser.default_args_dict)


def replace_stop_users(runner: Runner) -> None:
    """Stopping users must neither block nor stop more than it was told.

    Runner.stop_users() picks any users of the class, those already stopping included, and waits for them; a spawn
    message that arrives meanwhile kills the waiting greenlet and picks again. Users of ours leave the count at once.
    """
    original: Callable[[dict[str, int]], None] = runner.stop_users
    running = count_users(runner)

    def stop_users(user_classes_stop_count: dict[str, int]) -> None:
        others: dict[str, int] = {}
        for name, count in user_classes_stop_count.items():
            user_class = runner.user_classes_by_name[name]
            if not issubclass(user_class, Departing):
                others[name] = count
                continue
            for user in running.latest(user_class, count):
                user.depart()
        if others:
            original(others)

    runner.stop_users = stop_users  # type: ignore[method-assign]


class UserGreenlets(Group):  # type: ignore[misc]  # gevent has no types
    """The users that run, by class and in the order in which they came."""

    def __init__(self) -> None:
        super().__init__()
        self._users: dict[type[User], dict[Any, User]] = {}

    def add(self, greenlet: Any) -> None:
        """Take in a greenlet whose first argument is its user."""
        super().add(greenlet)
        user = greenlet.args[0]
        self._users.setdefault(type(user), {})[greenlet] = user

    def _discard(self, greenlet: Any) -> None:
        super()._discard(greenlet)
        for users in self._users.values():  # a dead greenlet has forgotten its arguments
            if users.pop(greenlet, None) is not None:
                break

    def count(self, user_class: type[User]) -> int:
        """How many of a class run."""
        return len(self._users.get(user_class, ()))

    def latest(self, user_class: type[User], count: int) -> list[Any]:
        """The `count` users of a class that came last, or all there are."""
        return list(islice(reversed(self._users.get(user_class, {}).values()), count))


def count_users(runner: Runner) -> UserGreenlets:
    """A worker must know how many users of a class it has without looking at each of them.

    Runner.user_classes_count goes over all of them, and WorkerRunner asks for it three times for each class and spawn
    message, ten times a second in a ramp: with 10,000 users that takes most of the worker's time.
    """
    if isinstance(runner.user_greenlets, UserGreenlets):
        return runner.user_greenlets
    running = UserGreenlets()
    for greenlet in runner.user_greenlets:
        running.add(greenlet)
    runner.user_greenlets = running

    def counts(runner: Runner) -> dict[str, int]:
        return {user_class.__name__: running.count(user_class) for user_class in runner.user_classes}

    # A property is its class's, so this runner gets one of its own.
    runner.__class__ = type(type(runner).__name__, (type(runner),), {"user_classes_count": property(counts)})
    return running


def serve_page_by(web_ui: WebUI, make: Callable[[], WSGIServer]) -> None:
    """The page's port must not be anybody's to use up.

    WebUI.start_server() makes gevent's pywsgi.WSGIServer as it is: any number of connections, and for each all the time
    that its peer likes, with a descriptor of the master's.
    """

    def start_server() -> None:
        web_ui.server = make()
        web_ui.server.serve_forever()

    web_ui.start_server = start_server  # type: ignore[method-assign]


def apply(environment: Environment) -> None:
    """All of them, for a runner that was just made."""
    leave_losses_to_us()
    remember_default_arguments()
    silence_own_statistics(environment)
    if environment.runner is not None:
        replace_stop_users(environment.runner)
