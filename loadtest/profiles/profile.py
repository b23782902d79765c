"""Profile: one scenario, checked and complete, and what may be shown of it. Reading one is `reading`."""

import hashlib
import json
import re
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, PlainSerializer, PrivateAttr, SkipValidation, Tag, WithJsonSchema
from pydantic import Discriminator as By

from loadtest.profiles.limits import LimitsSection
from loadtest.profiles.load_stages import Load
from loadtest.profiles.masking import mask, scrub
from loadtest.profiles.rest import RestGroup
from loadtest.profiles.section import Section
from loadtest.profiles.target import Target
from loadtest.profiles.values import Number, Text, Whole
from loadtest.profiles.websocket_group import WebSocketGroup
from loadtest.schedule import Plan
from loadtest.slo import Threshold

__all__ = ["NAME_PATTERN", "Profile", "kind_of"]

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_DIGEST = 16
"""Hexadecimal digits of a digest: enough to notice a difference, too few to be taken for more."""


def kind_of(given: Any) -> str | None:
    """Tell which kind of group a mapping (or a group) is meant to be: by its main key, else by whose keys it has."""
    if isinstance(given, WebSocketGroup | RestGroup):
        return given.kind
    if not isinstance(given, dict):
        return "rest"
    if "websocket" in given or "requests" in given:
        return "websocket" if "websocket" in given else "rest"
    streams = len(given.keys() & WebSocketGroup.known_keys().keys())
    polls = len(given.keys() & RestGroup.known_keys().keys())
    return None if streams == polls else "websocket" if streams > polls else "rest"


def _tag(given: Any) -> str | None:
    kind = kind_of(given)
    return kind and f"<{kind}>"


AnyGroup = Annotated[
    Annotated[WebSocketGroup, Tag("<websocket>")] | Annotated[RestGroup, Tag("<rest>")],
    By(
        _tag,
        custom_error_type="profile",
        custom_error_message="{sentence}",
        custom_error_context={"sentence": "needs websocket: /path (subscribers) or requests: [...] (pollers)"},
    ),
]


def _name(given: str) -> str:
    if not re.match(NAME_PATTERN, given):
        raise ValueError("must be a letter or digit, then letters, digits, . _ and - (64 at most)")
    return given


class Profile(Section):
    """Who connects, what they do, how the load grows and what must hold."""

    name: Annotated[Text, AfterValidator(_name)] = Field(
        description="What the profile is called in results and on the web page.",
        json_schema_extra={"pattern": NAME_PATTERN},
    )
    description: Text = Field("", description="For the people who choose it.")
    seed: Annotated[Whole, Field(ge=0)] = Field(
        1, description="What all chance is drawn from: the same again gives the same."
    )
    target: Target = Field(description="Where the load goes.")
    users: Annotated[dict[str, AnyGroup], Field(min_length=1)] = Field(description="Groups of users by name.")
    load: Load = Field(description="How many users there are when: stages over all of them, or per group by name.")
    limits: LimitsSection = Field(
        LimitsSection(), description="How far the load generator itself may be pushed before the run is invalid."
    )
    slo: Annotated[
        tuple[Threshold, ...],
        SkipValidation,
        PlainSerializer(lambda slo: [str(threshold) for threshold in slo], when_used="json"),
        WithJsonSchema({"type": "array", "items": {"type": "string"}}),
    ] = Field((), description="What must hold, such as: websocket delivery p99 < 100ms.")

    on_worker_loss: Literal["rebalance", "continue", "invalidate"] = Field(
        "rebalance",
        description="What becomes of a lost worker's users: placed on the others (rebalance), or gone (continue;"
        " invalidate gives the run no verdict either).",
    )
    rebalance_rate: Annotated[Number, Field(gt=0)] | None = Field(
        None,
        description="How many users of lost workers are placed again in a second (default: the steepest ramp).",
    )

    _plan: Plan = PrivateAttr()
    _secrets: frozenset[str] = PrivateAttr(default=frozenset())
    _changes: str = PrivateAttr(default="")

    @property
    def plan(self) -> Plan:
        """The load as arithmetic, rescaled by the overrides."""
        return self._plan

    def secrets(self) -> frozenset[str]:
        """Every text in the profile that must never be shown."""
        return self._secrets

    def _plain(self) -> dict[str, Any]:
        data: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return data

    def resolved(self) -> str:
        """Return the profile as YAML: variables and settings filled in, defaults left out, secrets as `***`."""
        data = mask(self._plain(), self._secrets)
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
        rescaled = f", rescaled by {self._changes}" if self._changes else ""
        return f"# As run: {self._plan}{rescaled}.\n{text}"

    def digests(self) -> dict[str, str]:
        """Section -> SHA-256 prefix, to tell which part of two profiles differs. The target's URL doesn't count."""
        data = self._plain()
        target = data["target"]
        target.pop("url", None)
        data["target.token"] = target.pop("token", "")
        return {name: _digest(data.get(name)) for name in (*type(self).model_fields, "target.token")}

    def __repr__(self) -> str:
        return scrub(super().__repr__(), self._secrets)

    def __str__(self) -> str:
        groups = ", ".join(f"{name} ({group.kind})" for name, group in self.users.items())
        return f"{self.name}: {self._plan}; {groups}"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_DIGEST]
