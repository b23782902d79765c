"""What the command line or the environment changes in a profile before it is read: target, users, duration, any key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from loadtest.errors import ProfileError, UsageError
from loadtest.profiles.document import Document
from loadtest.profiles.problems import KeyPath, dotted
from loadtest.profiles.values import parse_duration

__all__ = ["Overrides", "apply"]

_SET_HELP = "write --set KEY=VALUE, such as --set load.0.ramp=10"


@dataclass(frozen=True, slots=True)
class Overrides:
    """Changes to a profile; None is no change. `duration` is in seconds, `settings` are texts `KEY=VALUE`."""

    target: str | None = None
    users: int | None = None
    duration: float | None = None
    settings: tuple[str, ...] = field(default=(), repr=False)  # one may hold a token

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read LOADTEST_TARGET, LOADTEST_USERS, LOADTEST_DURATION and LOADTEST_SET (a JSON list of KEY=VALUE).

        An empty variable is no change. Raises UsageError.
        """
        users, length = environ.get("LOADTEST_USERS"), environ.get("LOADTEST_DURATION")
        try:
            count = int(users) if users else None
        except ValueError:
            raise UsageError("LOADTEST_USERS: must be a whole number") from None
        try:
            seconds = parse_duration(length) if length else None
        except ValueError as error:
            raise UsageError(f"LOADTEST_DURATION: {error}") from None
        return cls(environ.get("LOADTEST_TARGET") or None, count, seconds, _settings(environ.get("LOADTEST_SET")))

    def over(self, other: "Overrides") -> "Overrides":
        """Both, and where both say something, this one. Of settings, those of `other` are made first."""
        return Overrides(
            self.target if self.target is not None else other.target,
            self.users if self.users is not None else other.users,
            self.duration if self.duration is not None else other.duration,
            (*other.settings, *self.settings),
        )


def _settings(text: str | None) -> tuple[str, ...]:
    try:
        settings = json.loads(text or "[]")
    except ValueError:
        settings = None
    if not isinstance(settings, list) or not all(isinstance(setting, str) for setting in settings):
        raise UsageError('LOADTEST_SET: must be a JSON list of texts, such as ["load.0.ramp=10"]')
    return tuple(settings)


def apply(overrides: Overrides, document: Document) -> None:
    """Change the data of `document`; what can't be changed is added to its problems."""
    if not isinstance(document.data, dict):
        return
    for setting in overrides.settings:
        key, equals, value = setting.partition("=")
        path: KeyPath = tuple(key.strip().split("."))
        if not equals or not all(path):
            document.problems.found.append((document.origins.of(()).__class__(option="--set"), (), _SET_HELP))
            continue
        _set(document, path, value)
    if overrides.target is not None:
        target = document.data.setdefault("target", {})
        if isinstance(target, dict):
            target["url"] = overrides.target
            document.origins.replace(("target", "url"), "--target (or LOADTEST_TARGET)")


def _set(document: Document, path: KeyPath, text: str) -> None:
    option = f"--set {dotted(path)}"
    try:
        value = _value(text)
    except ProfileError:
        _complain(document, path, option, "the value is not YAML: put it in quotes, inside the shell's own")
        return
    place: Any = document.data
    walked: list[str | int] = []
    made: KeyPath | None = None
    for part in path[:-1]:
        step = _step(place, str(part))
        if step is None:
            _complain(document, path, option, _lost(place, walked))
            return
        walked.append(step)
        if isinstance(place, dict) and place.get(step) is None:
            made = made or tuple(walked)
            place[step] = {}
        place = place[step] if isinstance(place, dict) or int(step) < len(place) else None
    last = _step(place, str(path[-1]))
    if last is None:
        _complain(document, path, option, _lost(place, walked))
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    if last is not None:
        document.origins.replace(made or (*walked, last), option)


def _value(text: str) -> Any:
    if not text.strip():
        return None
    document = Document(text, "", None)
    if document.problems:
        raise ProfileError(document.problems.lines())
    return document.data


def _step(place: Any, part: str) -> str | int | None:
    """The key or index that `part` means in `place`; None where there is none. One past a list's end appends."""
    if isinstance(place, list):
        return int(part) if part.isdecimal() and int(part) <= len(place) else None
    return part if isinstance(place, dict) else None


def _lost(place: Any, walked: list[str | int]) -> str:
    name = dotted(tuple(walked)) or "the profile"
    if isinstance(place, list):
        return f"{name} is a list with {len(place)} entries: use a number from 0 to {len(place)}"
    return f"{name} is a single value: nothing can be set inside it"


def _complain(document: Document, path: KeyPath, option: str, sentence: str) -> None:
    document.origins.replace(path, option)
    document.problems.add(path, sentence)
