"""pydantic's findings in the user's words. What is looked for is decided by the models."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from loadtest.profiles.problems import KeyPath

__all__ = ["did_you_mean", "findings", "hint"]


def did_you_mean(given: str, known: Iterable[str]) -> str | None:
    """Return the known word that `given` was probably meant to be."""
    folded = {word.lower(): word for word in known}
    near = difflib.get_close_matches(given.lower(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def hint(given: str, known: Sequence[str]) -> str:
    """Return the end of a sentence on an unknown name: what was meant, or else what there is."""
    near = did_you_mean(given, known)
    return f"; did you mean {near}?" if near else f"; there are {', '.join(known)}"


def _bound(word: str, name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda context: f"must be {word} {context[name]}"


_WORDS: dict[str, str | Callable[[Mapping[str, Any]], str]] = {
    "missing": "is missing",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "model_attributes_type": "must be a mapping (key: value)",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "greater_than": _bound("more than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than_equal": _bound("at most", "le"),
    "literal_error": lambda context: f"must be {context['expected']}".replace("'", "").replace("True", "true"),
    "value_error": lambda context: str(context["error"]),
    "profile": lambda context: str(context["sentence"]),
}


def _sentence(error: Mapping[str, Any]) -> str:
    words = _WORDS.get(error["type"], "can't be used")
    return words if isinstance(words, str) else words(error.get("ctx", {}))


def findings(error: ValidationError) -> list[tuple[KeyPath, str, str]]:
    """List what pydantic found: where, a sentence, and pydantic's own name for it.

    A list whose entries are wrong is also "too short" to pydantic, which counts the good ones: that is left out.
    """
    items = [
        item
        for item in error.errors(include_url=False, include_input=False)
        if item["type"] != "default_factory_not_called"  # only says that a key was wrong that is told of anyway
    ]
    places = [item["loc"] for item in items]
    return [
        (_key_path(item["loc"]), _sentence(item), item["type"])
        for item in items
        if item["type"] != "too_short" or not any(at[:-1][: len(item["loc"])] == item["loc"] for at in places)
    ]


def _key_path(location: Iterable[str | int]) -> KeyPath:
    """Leave out what pydantic adds to a location: the tags of unions, in our models all written `<tag>`."""
    return tuple(part for part in location if not (isinstance(part, str) and part.startswith("<")))
