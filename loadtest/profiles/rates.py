"""The rate of open arrivals: `200/s`, or stages such as `{ramp: 500/s, over: 30s}`. When what is due is `schedule`."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from loadtest.profiles.load_stages import Hold, written_as
from loadtest.profiles.section import Section
from loadtest.profiles.values import Duration, DurationOrZero
from loadtest.schedule import Stage, duration_text

__all__ = ["Rate", "RateRamp", "RateSpike", "RateStep", "Rates"]

_PATTERN = r"^\d{1,9}(\.\d{1,9})?/[smh]$"
_RATE = re.compile(r"(?P<number>\d{1,9}(\.\d{1,9})?)\s*/\s*(?P<unit>[smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_MOST = 1_000_000
"""Requests a second; far above what any cluster sends."""


def _rate(given: Any) -> float:
    """Read `200/s`, `30/m` or `100/h`; returns requests a second. Raises ValueError."""
    match = _RATE.fullmatch(given.strip()) if isinstance(given, str) else None
    if match is None:
        raise ValueError("must be a rate such as 200/s, 30/m or 100/h")
    rate = float(Decimal(match["number"]) / _SECONDS[match["unit"]])
    if rate > _MOST:
        raise ValueError(f"must be at most {_MOST}/s")
    return rate


def _text(rate: float) -> str:
    """As a profile writes it, in the unit that makes it shortest."""
    numbers = {unit: f"{rate * seconds:.9f}".rstrip("0").rstrip(".") for unit, seconds in _SECONDS.items()}
    return min((f"{number}/{unit}" for unit, number in numbers.items()), key=len)


_AS_TEXT = WithJsonSchema({"type": "string", "pattern": _PATTERN})
_Rate = Annotated[float, BeforeValidator(_rate), _AS_TEXT]


def _some_rate(given: Any) -> float:
    rate = _rate(given)
    if not rate:
        raise ValueError("must be more than 0/s")
    return rate


Rate = Annotated[float, BeforeValidator(_some_rate), PlainSerializer(_text, when_used="json"), _AS_TEXT]
"""One rate (1/s), more than 0."""


class RateRamp(Section):
    """A straight line to a rate."""

    ramp: _Rate = Field(description="The rate in the end.")
    over: DurationOrZero = Field(description="How long it takes to get there; 0s: a step.")

    def stage(self) -> Stage:
        """The same as arithmetic knows it."""
        return Stage.ramp(self.ramp, self.over)


class RateStep(Section):
    """Another rate at once."""

    step: _Rate = Field(description="The rate from here on.")

    def stage(self) -> Stage:
        """The same as arithmetic knows it."""
        return Stage.step(self.step)


class RateSpike(Section):
    """Another rate for a while."""

    spike: _Rate = Field(description="The rate meanwhile.")
    over: Duration = Field(description="How long, before the rate is what it was.")

    def stage(self) -> Stage:
        """The same as arithmetic knows it."""
        return Stage.spike(self.spike, self.over)


def _mapping(stage: Stage) -> dict[str, Any]:
    length = duration_text(stage.seconds)
    if stage.kind == "hold":
        return {"hold": length}
    return {stage.kind: _text(stage.level)} | ({} if stage.kind == "step" else {"over": length})


def _stages(given: Any) -> Any:
    """One rate is short for a step to it."""
    if isinstance(given, list | tuple):
        return given
    _rate(given)  # or it would be told what is wrong with a stage nobody wrote
    return [{"step": given}]


def _short(stages: tuple[Stage, ...]) -> Any:
    written = [_mapping(stage) for stage in stages]
    return written[0]["step"] if [*written[0]] == ["step"] and len(written) == 1 else written


def _some(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    if not any(stage.level for stage in stages):
        raise ValueError("never has a request: ramp or step to more than 0/s")
    return stages


_FORMS: dict[str, type[Section]] = {"ramp": RateRamp, "hold": Hold, "step": RateStep, "spike": RateSpike}
_Stage = Annotated[Stage, written_as(_FORMS)]
_Listed = Annotated[tuple[_Stage, ...], Field(min_length=1)]


class _Schema:
    """The JSON Schema of Rates: a rate, or the list that the stages have anyway."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "pattern": _PATTERN}, handler(core)]}


Rates = Annotated[
    _Listed, BeforeValidator(_stages), AfterValidator(_some), PlainSerializer(_short, when_used="json"), _Schema()
]
"""Stages of a rate; a single rate is one step."""
