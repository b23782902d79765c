"""Faults on purpose: which message, request or upgrade is hit, and how.

Decisions only: no clock, no sockets, no counting of effects.

Every draw is seeded and independent of what else goes on: the share of connections (or requests) is spread evenly over
their numbers (of n in a row, share x n are hit, give or take one), and each connection has its own sequence of draws
for `probability`, one per message while the fault lasts.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

__all__ = ["Fault", "Faults", "Kind", "MessageEffect", "RequestEffect", "parse"]

_GOLDEN = 0.618033988749895
"""Multiples of it, modulo 1, fill the unit interval evenly (the additive recurrence of lowest discrepancy)."""

MAX_HOLD = 600.0  # s


class Kind(StrEnum):
    """What a fault does, and what `size` means for it."""

    DELAY = "delay"  # hold a message `size` seconds, and with it all behind it
    DROP = "drop"  # a message is not written
    DUPLICATE = "duplicate"  # a message is written `size` times more (1)
    SWAP = "swap"  # a message is written after the next one
    ERROR = "error"  # a request is answered with status `size` (500)
    STALL = "stall"  # an answer or a message is held `size` seconds; without a size, until the fault's end
    REFUSE = "refuse"  # an upgrade is answered with status `size`, 403 or 503 (503); a request with 503
    CUT = "cut"  # a connection is closed in place of a message, with close code `size`; without one, with no Close


_OF_MESSAGES = {Kind.DELAY, Kind.DROP, Kind.DUPLICATE, Kind.SWAP, Kind.STALL, Kind.CUT}
_OF_REQUESTS = {Kind.ERROR, Kind.STALL, Kind.REFUSE}
_WHOLE_SIZES = {
    Kind.DUPLICATE: ("1 to 10 copies", set(range(1, 11))),
    Kind.ERROR: ("a status from 500 to 599", set(range(500, 600))),
    Kind.REFUSE: ("status 403 or 503", {403, 503}),
    Kind.CUT: (
        "a close code: 1000 to 1003, 1007 to 1014, or 3000 to 4999",
        {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)},
    ),
}


class Fault(BaseModel):
    """One fault as posted. `from` and `until` are seconds since the POST; `path` a prefix of the paths it acts on."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Kind
    share: float = Field(default=1.0, ge=0, le=1)
    probability: float = Field(default=1.0, ge=0, le=1)
    size: float | None = None
    from_: float = Field(default=0.0, ge=0, alias="from")
    until: float | None = Field(default=None, gt=0)
    seed: int = 1
    path: str = Field(default="/", pattern=r"^/($|ws|api)")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.until is not None and self.until <= self.from_:
            raise ValueError("until must be later than from")
        if self.kind in _WHOLE_SIZES:
            meaning, allowed = _WHOLE_SIZES[self.kind]
            if self.size is not None and self.size not in allowed:
                raise ValueError(f"size of {self.kind} must be {meaning}")
        elif self.kind in {Kind.DELAY, Kind.STALL}:
            self._check_hold()
        elif self.size is not None:
            raise ValueError(f"{self.kind} has no size")
        return self

    def _check_hold(self) -> None:
        if self.size is None:
            if self.kind is Kind.DELAY or self.until is None:
                needed = "a size" if self.kind is Kind.DELAY else "a size or an until"
                raise ValueError(f"{self.kind} needs {needed} (seconds)")
        elif not 0 < self.size <= MAX_HOLD:
            raise ValueError(f"size of {self.kind} must be more than 0 and at most {MAX_HOLD:.0f} seconds")


_LIST = TypeAdapter(list[Fault])


def parse(text: bytes) -> list[Fault]:
    """Read a JSON list of faults.

    Raises:
        ValueError: what is wrong with it, in a sentence per problem.
    """
    try:
        return _LIST.validate_json(text)
    except ValidationError as problem:
        errors = problem.errors(include_url=False, include_context=False, include_input=False)
        raise ValueError("; ".join(_sentence(error["loc"], error["msg"]) for error in errors)) from None


def _sentence(place: tuple[int | str, ...], message: str) -> str:
    where = "".join(f"fault {part}: " if isinstance(part, int) else f"{part}: " for part in place)
    return where + message.removeprefix("Value error, ")


@dataclass(slots=True)
class MessageEffect:
    """What becomes of one message to one connection; the lengths of time add up in seconds."""

    dropped: bool = False
    copies: int = 0
    swapped: bool = False
    delay: float = 0.0
    stall: float = 0.0
    cut: bool = False
    close_code: int | None = None


@dataclass(slots=True)
class RequestEffect:
    """What becomes of one request: held (s) first, then answered with a status (None: as usual)."""

    hold: float = 0.0
    status: int | None = None
    status_by: str = ""
    """The kind of the fault that the status is from."""


@dataclass(slots=True)
class _Running:
    """A fault with its draws."""

    fault: Fault
    phase: float
    drawn: int = 0
    """How often it hit."""
    requests: int = 0
    upgrades: int = 0
    draws: dict[int, random.Random] = field(default_factory=dict)

    def shares(self, number: int) -> bool:
        return (self.phase + number * _GOLDEN) % 1.0 < self.fault.share

    def hits(self, number: int, sequence: int) -> bool:
        """Decide for one message or request; `sequence` says whose draws to use."""
        fault = self.fault
        if not self.shares(number):
            return False
        if fault.probability < 1:
            if (draw := self.draws.get(sequence)) is None:
                draw = self.draws[sequence] = random.Random(f"{fault.seed} {fault.kind} {sequence}")
            if draw.random() >= fault.probability:
                return False
        self.drawn += 1
        return True

    def hold(self, age: float) -> float:
        """Say for how long something is held that came `age` seconds after the POST."""
        fault = self.fault
        return fault.size if fault.size is not None else (fault.until or 0.0) - age


class Faults:
    """The faults of one POST, which came at `posted` (s, any clock that `now` is also read from)."""

    def __init__(self, faults: Sequence[Fault] = (), posted: float = 0.0) -> None:
        self._posted = posted
        self._running = [_Running(fault, random.Random(fault.seed).random()) for fault in faults]

    def __bool__(self) -> bool:
        return bool(self._running)

    def describe(self) -> list[dict[str, object]]:
        """Give the faults as posted, each with how often it was drawn."""
        return [r.fault.model_dump(mode="json", by_alias=True) | {"drawn": r.drawn} for r in self._running]

    def forget(self, connection: int) -> None:
        """Free the draws of a connection that is gone."""
        for running in self._running:
            running.draws.pop(connection, None)

    def _active(self, kinds: set[Kind], path: str, now: float) -> list[_Running]:
        age = now - self._posted
        return [
            running
            for running in self._running
            if (fault := running.fault).kind in kinds
            and fault.from_ <= age
            and (fault.until is None or age < fault.until)
            and path.startswith(fault.path)
        ]

    def act_on_messages(self, path: str, now: float) -> bool:
        """Tell whether any message of this path can be hit now."""
        return bool(self._active(_OF_MESSAGES, path, now))

    def on_message(self, path: str, connection: int, now: float) -> MessageEffect | None:
        """Draw for one message to one connection, numbered from 1; None: as usual."""
        hits = [r for r in self._active(_OF_MESSAGES, path, now) if r.hits(connection, connection)]
        if not hits:
            return None
        effect = MessageEffect()
        for running in hits:
            _apply(running, effect, now - self._posted)
        return effect

    def on_request(self, path: str, now: float) -> RequestEffect | None:
        """Draw for one request; None: as usual."""
        effect = None
        for running in self._active(_OF_REQUESTS, path, now):
            running.requests += 1
            if not running.hits(running.requests, -1):
                continue
            effect = effect or RequestEffect()
            if running.fault.kind is Kind.STALL:
                effect.hold += running.hold(now - self._posted)
            else:
                effect.status = int(running.fault.size or 500) if running.fault.kind is Kind.ERROR else 503
                effect.status_by = running.fault.kind.value
        return effect

    def on_upgrade(self, path: str, now: float) -> int | None:
        """Draw for one upgrade: the status it is refused with, or None."""
        status = None
        for running in self._active({Kind.REFUSE}, path, now):
            running.upgrades += 1
            if running.hits(running.upgrades, -2):
                status = int(running.fault.size or 503)
        return status


def _apply(running: _Running, effect: MessageEffect, age: float) -> None:
    fault = running.fault
    match fault.kind:
        case Kind.DROP:
            effect.dropped = True
        case Kind.DUPLICATE:
            effect.copies += int(fault.size or 1)
        case Kind.SWAP:
            effect.swapped = True
        case Kind.DELAY:
            effect.delay += running.hold(age)
        case Kind.STALL:
            effect.stall = max(effect.stall, running.hold(age))
        case Kind.CUT:
            effect.cut, effect.close_code = True, None if fault.size is None else int(fault.size)
        case _:  # those act on requests
            pass
