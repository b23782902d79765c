"""Times that stand in a payload: how they are written, and the newest or oldest of those at a path. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

__all__ = ["EVERY", "Moments", "kind_of", "seconds"]

EVERY = "*"
"""In a path: any key of an object, any element of an array."""

SCALES = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}

_SCALAR: Any = bool | float | str | None


def kind_of(unit: str | None) -> Any:
    """The type of JSON value that a time is written as; None: whichever it is, a number of seconds or ISO 8601."""
    return float | str if unit is None else str if unit == "iso" else float


def seconds(value: Any, unit: str | None) -> float:
    """A time (a finite number, or text of ISO 8601 with a zone) in seconds since the epoch.

    Raises:
        ValueError, OverflowError: it is none.
    """
    if not isinstance(value, str):
        return float(value * SCALES[unit or "s"])
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment.timestamp()


class Moments:
    """The times at a dotted path, of which one is picked. Nothing beside the path is built.

    `first` is the top-level key that the path begins with; None where it begins with EVERY.
    """

    def __init__(self, path: str, unit: str | None, pick: Callable[[Iterator[float]], float]) -> None:
        head, *rest = path.split(".")
        self.first = None if head == EVERY else head
        self._path = [head, *rest] if self.first is None else rest
        self._unit = unit
        self._pick = pick
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_shape(self._path, kind_of(unit)))

    def pick(self, raw: bytes | msgspec.Raw) -> float | None:
        """The picked time (s since the epoch) of all at the path below `first`; None if there is none, or only null.

        What is not an object (for EVERY: nor an array) has nothing below it.

        Raises:
            msgspec.DecodeError, ValueError, OverflowError: one of them is no time.
            RecursionError: what is beside them is nested too deeply.
        """
        values = set(_leaves(self._decoder.decode(raw), self._path))
        return self._pick(seconds(value, self._unit) for value in values) if values else None


def _shape(path: Sequence[str], leaf: Any) -> Any:
    """The type that decodes a path, accepts anything else in its place, and skips what is beside it."""
    if not path:
        return leaf | None
    inner: Any = _shape(path[1:], leaf)
    if path[0] == EVERY:
        inside: Any = dict[str, inner] | list[inner]
        return inside | _SCALAR
    below = msgspec.defstruct("Below", [("below", inner, None)], rename={"below": path[0]}, gc=False)
    return below | list[msgspec.Raw] | _SCALAR


def _leaves(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """What stands at the end of the path, as often as it is there."""
    if not path:
        if value is not None:
            yield value
        return
    for inner in _inside(value, path[0]):
        yield from _leaves(inner, path[1:])


def _inside(value: Any, key: str) -> Iterable[Any]:
    """What a decoded value has at a key; nothing where it has none."""
    if isinstance(value, msgspec.Struct):
        return (value.below,)  # type: ignore[attr-defined]
    if key != EVERY:
        return ()
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
