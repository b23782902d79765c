"""Stage, one line of a profile's load, and durations in words. What stages add up to is `tracks`."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Self

__all__ = ["Stage", "duration_text"]


def duration_text(seconds: float) -> str:
    """Seconds as a profile writes them: `100ms`, `10s`, `1m30s`, `1h`. Exact: reading it back gives `seconds`."""
    exact = Decimal(repr(float(seconds)))
    if 0 < exact < 1:
        return f"{(exact * 1000).normalize():f}ms"
    minutes, rest = divmod(exact, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{part.normalize():f}{unit}" for part, unit in parts if part) or "0s"


@dataclass(frozen=True, slots=True)
class Stage:
    """One line of a profile's `load`: a number of users to reach (or, for hold, none) and how long that takes, in s.

    Of open arrivals: a rate to reach, in requests a second.
    """

    kind: Literal["ramp", "hold", "step", "spike"]
    level: float = 0
    seconds: float = 0.0

    @classmethod
    def ramp(cls, level: float, over: float) -> Self:
        """Go to `level` in a straight line for `over` seconds; 0 seconds are a step."""
        return cls("ramp", level, over)

    @classmethod
    def hold(cls, seconds: float) -> Self:
        """Stay as many as there are."""
        return cls("hold", 0, seconds)

    @classmethod
    def step(cls, level: float) -> Self:
        """Be at `level` from here on; takes no time."""
        return cls("step", level)

    @classmethod
    def spike(cls, level: float, over: float) -> Self:
        """Be at `level` for `over` seconds, then as many as before."""
        return cls("spike", level, over)

    def __str__(self) -> str:
        length = duration_text(self.seconds)
        return {
            "ramp": f"ramp to {self.level:g} over {length}",
            "hold": f"hold {length}",
            "step": f"step to {self.level:g}",
            "spike": f"spike to {self.level:g} for {length}",
        }[self.kind]
