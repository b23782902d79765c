"""Keeps Python's garbage collector from stopping a worker that has many users.

A full collection looks at every object that it knows: with 15,000 users on one worker that takes most of a second, in
which nothing is read. What has lived for a while is put out of its sight (`gc.freeze`), which costs nothing.
Connections that end are freed without it, since they are taken out of their cycles then; what others leave in
cycles is looked for when it has come to too much, and after the run.
"""

import gc
from collections.abc import Callable
from typing import Literal, Protocol

__all__ = ["Callback", "Collecting"]

MIDDLE = 1
"""The generation whose survivors a full collection looks at."""
GROWN = 3
"""So many collections of it have let 7,000 objects each survive, at most: worth putting out of sight."""
LOOK_EVERY = 30
"""Counting what is out of sight takes some ms; so many looks (one a second) lie between two counts."""
SPARE = 200_000
"""Objects out of sight beside those of users: modules, classes, and what a run's seconds leave."""
TOO_MANY = 2.0
"""Times the objects of a user: so many are not the users' alone."""


Callback = Callable[[Literal["start", "stop"], dict[str, int]], object]


class Collector(Protocol):
    """What is used of the module gc."""

    callbacks: list[Callback]

    def freeze(self) -> None:
        """Put all objects out of sight."""

    def unfreeze(self) -> None:
        """Bring them back."""

    def collect(self, generation: int = 2, /) -> int:
        """Look now."""

    def get_freeze_count(self) -> int:
        """How many are out of sight."""


class Collecting:
    """While there are users, and from `begin` on, before they come; `users` tells how many, connections included."""

    def __init__(self, users: Callable[[], int], collector: Collector = gc) -> None:
        self._users = users
        self._gc = collector
        self._on = self._had_users = False
        self._seen = self._looks = self._before = 0
        self._each = 0.0

    def begin(self) -> None:
        """Users are about to come: more, maybe, within a second than it takes to be stopped for long."""
        if not self._on:
            self._on, self._had_users = True, False
            self._seen = self._looks = 0
            self._each, self._before = 0.0, self._gc.get_freeze_count()
            self._gc.callbacks.append(self._collected)

    def _collected(self, phase: Literal["start", "stop"], info: dict[str, int]) -> None:
        """A generation was looked at: what is young and of no use is gone."""
        if phase == "stop" and info["generation"] == MIDDLE:
            self._seen += 1
            if self._seen >= GROWN:
                self._seen = 0
                self._gc.freeze()

    def look(self) -> None:
        """Once a second: look at everything if too much is out of sight, and go on as usual after the last user."""
        users = self._users()
        if users:
            self.begin()  # a run may have had none for a while
            self._had_users = True
            self._looks += 1
            if self._looks >= LOOK_EVERY:
                self._looks = 0
                self._count(users)
        elif self._on and self._had_users:
            self._on = False
            self._gc.callbacks.remove(self._collected)
            self._gc.unfreeze()

    def _count(self, users: int) -> None:
        """The least that a count finds for a user is what one takes."""
        there = self._gc.get_freeze_count() - self._before
        if self._each and there > TOO_MANY * self._each * users + SPARE:
            self._gc.unfreeze()
            self._gc.collect()
            self._gc.freeze()
            self._each = max((self._gc.get_freeze_count() - self._before) / users, self._each)
        elif there:
            self._each = min(self._each or there / users, there / users)
