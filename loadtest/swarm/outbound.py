"""Requests that are to be written in one turn of the loop, written one after the other at its end.

A server with nothing to do sleeps, and whoever writes to it pays for waking it: on a virtual machine an interrupt to
another core, which costs more than the write. Written in a row, the first one wakes it for all. When that is done is
told to each, so that no time counts as the server's in which a request was still here.
"""

import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["Outbound", "outbound_of"]

_of_hubs: "WeakKeyDictionary[Any, Outbound]" = WeakKeyDictionary()


class Outbound:
    """What one hub's greenlets want to be written."""

    def __init__(self, hub: Any) -> None:
        self._loop = hub.loop
        self._waiting: list[tuple[Callable[[bytes], None], bytes, Callable[[float], None]]] = []

    def put(self, write: Callable[[bytes], None], data: bytes, leaves: Callable[[float], None]) -> None:
        """At the end of this turn, call `leaves(time.monotonic())` and `write(data)`; neither may raise."""
        if not self._waiting:
            self._loop.run_callback(self._write)  # behind all that is to run in this turn
        self._waiting.append((write, data, leaves))

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        for write, data, leaves in waiting:
            leaves(time.monotonic())
            write(data)


def outbound_of(hub: Any) -> Outbound:
    """The one of a hub."""
    found = _of_hubs.get(hub)
    if found is None:
        found = _of_hubs[hub] = Outbound(hub)
    return found
