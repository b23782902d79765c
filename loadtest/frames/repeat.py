"""The last frame that came in a read of its own: a broadcast brings the same bytes to many."""

from collections.abc import Callable
from typing import Any

__all__ = ["MAX_REPEATED", "Repeat"]

MAX_REPEATED = 2**20
"""Bytes of a frame that is worth keeping: it is kept twice, whole and as payload."""


class Repeat:
    """Shared by an endpoint's sessions: a read that is this `frame`, of `size` bytes, brings this `payload`."""

    __slots__ = ("frame", "payload", "size", "text", "together")

    def __init__(self) -> None:
        self.frame = b""
        self.size = -1  # no read has this size
        self.payload = b""
        self.text = False
        self.together: Callable[[list[Any]], list[Any]] | None = None
        """What takes it for many sessions at once, and returns what each must take by itself; None: nothing does."""

    def learn(self, frame: bytes, payload: bytes, *, text: bool) -> None:
        """Know this one instead."""
        self.frame, self.size, self.payload, self.text = frame, len(frame), payload, text
