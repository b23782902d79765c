"""Picks keys out of a JSON object without building what nobody asked for. No I/O."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

__all__ = ["JsonObject"]


class JsonObject:
    """Reads some keys of a JSON object, each as raw JSON; skips the others without building their values."""

    def __init__(self, keys: Collection[str]) -> None:
        self._fields = {key: f"f{i}" for i, key in enumerate(sorted(keys))}
        fields: list[Any] = [(f, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for f in self._fields.values()]
        rename = {field: key for key, field in self._fields.items()}
        kind: Any
        try:
            kind = msgspec.defstruct("Message", fields, rename=rename)
        except ValueError:  # msgspec names no field with quotes, backslashes or control characters
            kind = dict[str, msgspec.Raw]
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)

    def read(self, payload: bytes | msgspec.Raw) -> Mapping[str, msgspec.Raw]:
        """Those of the keys that are there (of a key given twice, the last).

        Raises:
            msgspec.ValidationError: it is not a JSON object.
            msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is not JSON, or nested too deeply to be read.
        """
        message = self._decoder.decode(payload)
        if isinstance(message, dict):
            return message
        return {k: raw for k, field in self._fields.items() if (raw := getattr(message, field)) is not msgspec.UNSET}
