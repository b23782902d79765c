"""What subscribers and pollers have in common: how many of them there are, and what they say about themselves."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from loadtest.profiles.section import Section
from loadtest.profiles.values import Headers, Number, Whole
from loadtest.schedule import Part, Pool

__all__ = ["GROUP_NAME", "Group", "name_problem"]

GROUP_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_GRAMMAR = (
    "websocket rest total errors connect delivery gap ping service response mean max min for during warn abort after "
    "all completeness skew reconnect reconnected rate missed lost duplicated reordered silences "
    "behind backlog freshness intake"
)
"""Words of the SLO grammar, also those that it may get."""
_RESERVED = frozenset(_GRAMMAR.split())
_PERCENTILE = re.compile(r"p[0-9]+")


def name_problem(name: str) -> str | None:
    """Why no group can have this name, which must be a word of its own in an SLO; None where it can."""
    if not GROUP_NAME.fullmatch(name):
        return "a group's name is a letter, then letters, digits, _ and - (64 at most)"
    if name in _RESERVED or _PERCENTILE.fullmatch(name):
        return f"{name} means something else in an SLO: choose another name for the group"
    return None


class Group(Section):
    """Users who all do the same."""

    kind: ClassVar[Literal["websocket", "rest"]]

    share: Annotated[Number, Field(gt=0)] | None = Field(
        None, description="How many of the users, as a proportion: 3 beside another group's 5. Without count: 1."
    )
    count: Annotated[Whole, Field(ge=1)] | None = Field(
        None, description="How many users at the load's peak, instead of a share."
    )
    headers: Headers = Field({}, description="Sent by this group in addition to the target's; these win.")

    @classmethod
    def contradictions(cls, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Find a group with both a share and a count."""
        if "share" in given and "count" in given:
            yield "count", "can't stand beside share: give one of them"

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = super().__get_pydantic_json_schema__(core, handler)
        handler.resolve_ref_schema(schema)["not"] = {"required": ["share", "count"]}
        return schema

    @property
    def pool(self) -> Pool | None:
        """What a group of open arrivals has in place of users; None for every other."""
        return None

    @property
    def part(self) -> Part:
        """How the group takes part in the total of users."""
        return Part(self.count) if self.count is not None else Part(share=self.share or 1.0)
