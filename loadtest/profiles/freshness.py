"""Where messages say how old their data is."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from loadtest.profiles.section import Section
from loadtest.profiles.values import text_of

__all__ = ["Freshness"]


def _path(given: Any) -> str:
    if not isinstance(given, str) or not all(given.split(".")):
        raise ValueError("must name a field of the message, with dots into objects and * for any: quotes.*.time")
    if not given.isprintable() or '"' in given or "\\" in given:
        raise ValueError("must be in one line, without quotes and backslashes")
    return str(given)


MomentPath = Annotated[
    str, BeforeValidator(_path), WithJsonSchema({"type": "string", "pattern": r'^[^."\\]+(\.[^."\\]+)*$'})
]


class Freshness(Section):
    """Where a message says how old its data is. A message without the field is fine; it is counted as undated."""

    field: MomentPath = Field(
        description="The time's place; dots lead into objects, * is any key of an object or element of an array."
    )
    pick: Annotated[Literal["max", "min"], BeforeValidator(text_of)] = Field(
        "max", description="Of several times, max: the newest; min: the oldest."
    )
    unit: Annotated[Literal["s", "ms", "us", "ns", "iso"], BeforeValidator(text_of)] | None = Field(
        None,
        description="What it counts since 1970, or iso: a date and time of ISO 8601. Left out: a number counts seconds,"
        " text is ISO 8601.",
    )
