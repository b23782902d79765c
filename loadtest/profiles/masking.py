"""What is secret, told by its name, and how it is hidden. No profile model is known here."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote

__all__ = ["MASK", "is_secret", "mask", "masked", "scrub", "secrets_in"]

MASK = "***"
_SECRET = re.compile(
    r"token|secret|passw|cookie|credential|signature|jwt|bearer|authori[sz]ation|(^|[-_])auth($|[-_])|key(?!s)",
    re.IGNORECASE,
)
_QUERY = re.compile(r"(?<=[?&])([^=&#\s]+)=([^&#\s]*)")
_SHORTEST = 4
"""A secret shorter than this is hidden where it stands, but not searched for elsewhere: `a` is in every text."""


def is_secret(name: str) -> bool:
    """Whether a header, a query parameter, a JSON key or a variable of this name holds a secret."""
    return bool(_SECRET.search(name))


def _walk(value: Any, name: str, change: Callable[[str], str]) -> Any:
    """Give `change` every text that its own name or the mapping around it calls secret."""
    if isinstance(value, dict):
        return {key: _walk(item, key if is_secret(str(key)) else "", change) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_walk(item, name, change) for item in value)
    if isinstance(value, str) and not name and value.startswith("/") and "?" in value:
        return _QUERY.sub(lambda hit: f"{hit[1]}={change(hit[2])}" if is_secret(hit[1]) else hit[0], value)
    if name and value not in (None, "") and not isinstance(value, bool):
        return change(str(value))
    return value


def masked(value: Any) -> Any:
    """Plain data (mappings, lists, texts) as it may be printed: every value with a secret name is `***`."""
    return _walk(value, "", lambda _: MASK)


def secrets_in(value: Any) -> Iterator[str]:
    """Every secret in plain data, also as a URL would spell it, and what follows `Bearer ` or the like."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    _walk(value, "", note)
    for text in found:
        yield text
        yield from (word for word in text.split(" ")[1:] if word)
        yield quote(text, safe="")
        yield from (plain for _, plain in parse_qsl(f"x={text}"))


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in `text` by `***`, the longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, MASK)
    return text


def mask(data: Any, secrets: Iterable[str]) -> Any:
    """Plain data fit to be printed: masked by name, and scrubbed of `secrets` wherever else they stand."""
    known = frozenset(secrets)

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [clean(item) for item in value]
        return scrub(value, known) if isinstance(value, str) else value

    return clean(masked(data))
