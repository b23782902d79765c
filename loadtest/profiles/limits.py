"""The limits section: how far the load generator itself may be pushed. What they mean is `loadtest.limits`."""

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from loadtest.limits import Limits
from loadtest.profiles.section import Section
from loadtest.profiles.values import Whole, parse_duration, value_of
from loadtest.schedule import duration_text

__all__ = ["LimitsSection"]

OFF = "off"
DEFAULTS = Limits()
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)\s*%")


def _time(given: Any) -> float:
    if given in (OFF, math.inf):
        return math.inf
    try:
        return parse_duration(given)
    except ValueError as problem:
        raise ValueError(f"{problem}, or off") from None


def _share(given: Any) -> float:
    if given in (OFF, math.inf):
        return math.inf
    given = value_of(given)
    match = _PERCENT.fullmatch(given) if isinstance(given, str) else None
    percent = float(match[1]) if match else given * 100 if type(given) is float else math.nan
    if not 0 <= percent <= 100:  # noqa: PLR2004 - % - also of NaN
        raise ValueError("must be a share such as 90%, or off")
    return percent / 100


def _off_or(text: Any) -> PlainSerializer:
    return PlainSerializer(lambda value: OFF if value == math.inf else text(value), when_used="json")


_Time = Annotated[
    float,
    BeforeValidator(_time),
    _off_or(duration_text),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number", "exclusiveMinimum": 0}]}),
]
_Share = Annotated[
    float,
    BeforeValidator(_share),
    _off_or(lambda value: f"{value * 100:.6g}%"),
    WithJsonSchema({"type": "string", "pattern": rf"^({_PERCENT.pattern}|{OFF})$"}),
]


class LimitsSection(Section):
    """What a worker may reach in a second before its timings of that second are left out."""

    lag: _Time = Field(DEFAULTS.lag, description="How late its event loop may be.")
    cpu: _Share = Field(DEFAULTS.cpu, description="How much of one core it may use.")
    cpu_wait: _Share = Field(DEFAULTS.cpu_wait, description="How much of the second it may wait for a CPU.")
    throttled: _Time = Field(DEFAULTS.throttled, description="How long its container's CPU quota may stop it.")
    gc: _Time = Field(DEFAULTS.gc, description="How long Python's garbage collector may stop it at a time.")
    descriptors: _Share = Field(DEFAULTS.descriptors, description="Open files, of those it may have.")
    ports: _Share = Field(DEFAULTS.ports, description="Local ports in use toward one address, of those there are.")
    socket_errors: Annotated[Whole, Field(ge=0)] = Field(
        int(DEFAULTS.socket_errors),
        description="How many connections may fail for want of descriptors, ports or memory of its own.",
    )
    send_lag: _Time = Field(DEFAULTS.send_lag, description="How late a request may go out after it was due.")
    clock_error: _Time = Field(DEFAULTS.clock_error, description="The bound on its offset to a target's clock.")
    excluded: _Share = Field(
        DEFAULTS.excluded, description="How many of the plateau's worker-seconds may be left out of a valid run."
    )
    excluded_in_a_row: _Time = Field(
        DEFAULTS.excluded_in_a_row, description="For how long on end one worker may be left out of a valid run."
    )

    def values(self) -> Limits:
        """The same as numbers."""
        return Limits(**{name: getattr(self, name) for name in type(self).model_fields})
