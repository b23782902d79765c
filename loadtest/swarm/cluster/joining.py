"""How a worker makes itself known: it says hello until the master answers."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import NamedTuple

import gevent

from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.messages import Hello, Link

__all__ = ["Joining", "Midst"]

HELLO_S = 2.0
"""How often a worker that nobody has answered says hello."""


class Midst(NamedTuple):
    """The run that a worker is in the middle of."""

    run: str
    incarnation: int
    elapsed: float
    users: dict[str, int]


class Joining:
    """Says hello; `midst` tells of the run that is on."""

    def __init__(self, link: Link, digests: Mapping[str, Mapping[str, str]], midst: Callable[[], Midst | None]) -> None:
        self.link = link
        self.digests = {name: dict(sections) for name, sections in digests.items()}
        self.midst = midst
        self.done = False
        """The master has answered."""

    def start(self) -> None:
        """Say hello to the master until it answers."""
        self.done = False
        gevent.spawn(self._say_hello)

    def _say_hello(self) -> None:
        while not self.done:
            midst = self.midst()
            hello = Hello(messages.PROTOCOL, version("loadtest"), self.digests, *(midst or ()))
            messages.send(self.link, hello)
            gevent.sleep(HELLO_S)
