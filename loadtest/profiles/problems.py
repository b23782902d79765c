"""What is wrong with a profile, collected until everything has been looked at: where it stands and what to say.

Nothing here decides what is wrong; `wording` turns pydantic's findings into sentences, `checks` has the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

__all__ = ["KeyPath", "Origin", "Origins", "Problems", "dotted"]

KeyPath = tuple[str | int, ...]


def dotted(path: KeyPath) -> str:
    """A key path as a person writes it: `load.0.ramp`."""
    return ".".join(map(str, path))


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a value came from: a line of the file (from 1), or an option such as `--set load.0.ramp`."""

    line: int = 0
    option: str = ""


@dataclass
class Origins:
    """Where each value of one profile came from; a value without an origin has that of the mapping it is in."""

    file: str
    known: dict[KeyPath, Origin] = field(default_factory=dict)

    def of(self, path: KeyPath) -> Origin:
        """The origin of the nearest known ancestor, the file's first line at the least."""
        for length in range(len(path), -1, -1):
            if origin := self.known.get(path[:length]):
                return origin
        return Origin(1)

    def replace(self, path: KeyPath, option: str, others: Mapping[KeyPath, Origin] | None = None) -> None:
        """From now on `path` and everything under it comes from `option`."""
        for old in [known for known in self.known if known[: len(path)] == path]:
            del self.known[old]
        self.known |= {path: Origin(option=option), **(others or {})}


@dataclass
class Problems:
    """The mistakes found so far. A value that is already known to be wrong is not complained about twice."""

    origins: Origins
    found: list[tuple[Origin, KeyPath, str]] = field(default_factory=list)
    settled: set[KeyPath] = field(default_factory=set)

    def add(self, path: KeyPath, sentence: str) -> None:
        """Note that the value at `path` is wrong."""
        if any(path[:length] in self.settled for length in range(1, len(path) + 1)):
            return
        self.found.append((self.origins.of(path), path, sentence))

    def settle(self) -> Self:
        """What is noted now explains whatever else may be found in the same places."""
        self.settled |= {path for _, path, _ in self.found if path}
        return self

    def __bool__(self) -> bool:
        return bool(self.found)

    def lines(self) -> list[str]:
        """One printable line for each problem, in the order of the file."""
        ordered = sorted(dict.fromkeys(self.found), key=lambda found: (bool(found[0].option), found[0].line))
        return [self._line(*problem) for problem in ordered]

    def _line(self, origin: Origin, path: KeyPath, sentence: str) -> str:
        where = origin.option or f"{self.origins.file}:{origin.line}"
        told = not path or where.removeprefix("--set ") == dotted(path)
        return f"{where}: {sentence}" if told else f"{where}: {dotted(path)}: {sentence}"
