"""Everything that Locust 2.47 must be taught, in one place.

Each patch says why; tests/swarm/test_locust_patches.py fails when Locust no longer needs it, or no longer has what is
patched.
"""

import functools
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from locust import User, argument_parser, runners
from locust.env import Environment
from locust.event import EventHook
from locust.runners import Runner

__all__ = [
    "Departing",
    "apply",
    "keep_dead_workers_out",
    "remember_default_arguments",
    "replace_stop_users",
    "silence_own_statistics",
]


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


def keep_dead_workers_out() -> None:
    """A worker that stays missing for 60 s must not make the master drop its dispatcher and ramp up anew.

    heartbeat_worker() removes it then and calls start() with a new dispatcher (numbers.md, 1): all users are placed
    again from nothing. Our dispatcher has placed its users on the others long before.
    """
    runners.HEARTBEAT_DEAD_INTERNAL = -86400


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

    def stop_users(user_classes_stop_count: dict[str, int]) -> None:
        others: dict[str, int] = {}
        for name, count in user_classes_stop_count.items():
            user_class = runner.user_classes_by_name[name]
            if not issubclass(user_class, Departing):
                others[name] = count
                continue
            for user in _running(runner, user_class)[-count:] if count else ():
                user.depart()
        if others:
            original(others)

    runner.stop_users = stop_users  # type: ignore[method-assign]


def _running(runner: Runner, user_class: type[User]) -> list[Any]:
    users = (greenlet.args[0] for greenlet in runner.user_greenlets if greenlet.args)
    return [user for user in users if type(user) is user_class]


def apply(environment: Environment) -> None:
    """All of them, for a runner that was just made."""
    keep_dead_workers_out()
    remember_default_arguments()
    silence_own_statistics(environment)
    if environment.runner is not None:
        replace_stop_users(environment.runner)
