"""Waiting for something to become true, woken by an event."""

from collections.abc import Callable

from gevent.event import Event

from loadtest.clock import Clock

__all__ = ["wait_for"]

LOOK_S = 0.5
"""How often it is looked at although nobody has set the event."""


def wait_for(condition: Callable[[], bool], changed: Event, clock: Clock, seconds: float) -> bool:
    """Block until `condition` holds; False if that takes longer than `seconds`."""
    deadline = clock.monotonic() + seconds
    while not condition():
        left = deadline - clock.monotonic()
        if left <= 0:
            return False
        changed.clear()
        changed.wait(min(left, LOOK_S))
    return True
