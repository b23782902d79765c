"""What a group wants of a message, with one typed decoder: for the ordinary message, all of it right. Pure."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

__all__ = ["Plain"]

UNSET = msgspec.UNSET
RAW: Any = msgspec.Raw | msgspec.UnsetType


class Plain:
    """Reads the fields of an ordinary message: all of `expected` is there, and of `unexpected` nothing.

    `kinds` has the type of each field to be read, by its key at the top level; msgspec.Raw: as it stands there.

    Raises:
        ValueError: it cannot be read so, since a key is wanted in two ways or cannot be named.
    """

    def __init__(self, expected: Collection[str], unexpected: Iterable[str], kinds: Mapping[str, Any]) -> None:
        absent = sorted(set(unexpected))
        others = sorted(set(expected) - kinds.keys())
        if not kinds.keys().isdisjoint(absent) or not set(expected).isdisjoint(absent):
            raise ValueError("a key is wanted in two ways")
        types = {key: RAW if kind is msgspec.Raw else kind | None | msgspec.UnsetType for key, kind in kinds.items()}
        keys = [*types, *absent, *others]
        fields: list[Any] = [(f"f{i}", types.get(key, RAW), UNSET) for i, key in enumerate(keys)]
        rename = {f"f{i}": key for i, key in enumerate(keys)}
        self._decode = msgspec.json.Decoder(msgspec.defstruct("Message", fields, rename=rename, gc=False)).decode
        self._count, self._end = len(types), len(types) + len(absent)
        self._absent = (UNSET,) * len(absent)
        self._required = [i for i, key in enumerate(types) if key in expected]

    def read(self, payload: bytes) -> tuple[Any, ...] | None:
        """The fields in the order of `kinds`, UNSET where there is none.

        None: it is not ordinary, and to be looked at more closely; it need not be JSON.
        """
        try:
            values = msgspec.structs.astuple(self._decode(payload))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if values[self._count : self._end] != self._absent or UNSET in values[self._end :]:
            return None
        for i in self._required:
            if values[i] is UNSET:
                return None
        return values
