"""REST answers as bytes, built once per change of what they tell and sent to everyone who asks. No HTTP beyond that."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from backend.wire import Answer

__all__ = ["Bodies", "to_json"]

_MAX_KEPT = 64
"""Answers kept by query; more different queries than that are built each time."""


def to_json(value: Any) -> bytes:
    """Write JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


class Bodies:
    """Answers by path, from `build` when there is none; and by path and query, from whoever made one and kept it."""

    def __init__(self, build: Mapping[str, Callable[[], Any]]) -> None:
        self._build = build
        self._built: dict[str, Answer] = {}
        self._kept: dict[tuple[str, bytes], Answer] = {}

    def get(self, path: str, query: bytes = b"") -> Answer | None:
        """Give the answer; None: this path isn't answered here, or not yet with that query."""
        if (answer := self._built.get(path)) is not None:
            return answer
        if path in self._build:
            answer = self._built[path] = Answer(to_json(self._build[path]()))
            return answer
        return self._kept.get((path, query))

    def keep(self, path: str, query: bytes, body: bytes) -> None:
        """Answer the same question with the same bytes until `forget`."""
        if len(self._kept) < _MAX_KEPT:
            self._kept[path, query] = Answer(body)

    def changed(self) -> None:
        """Build anew what is asked for from now on."""
        self._built.clear()

    def forget(self) -> None:
        """Drop the answers that were kept by query."""
        self._kept.clear()
