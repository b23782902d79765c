"""The load section: mappings such as `{ramp: 800, over: 30s}` become `schedule.Stage`. The arithmetic is `schedule`."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Union

from pydantic import Discriminator, Field, GetCoreSchemaHandler, PlainSerializer, Tag
from pydantic_core import CoreSchema, core_schema

from loadtest.profiles.section import Section
from loadtest.profiles.values import Duration, DurationOrZero, Whole
from loadtest.profiles.wording import did_you_mean
from loadtest.schedule import Stage, duration_text

__all__ = ["Hold", "Load", "Ramp", "Spike", "Step", "written_as"]

_MOST = 10_000_000
_Users = Annotated[Whole, Field(ge=0, le=_MOST)]


class Ramp(Section):
    """A straight line to a number of users."""

    ramp: _Users = Field(description="How many users there are in the end.")
    over: DurationOrZero = Field(description="How long it takes to get there; 0s: a step.")

    def stage(self) -> Stage:
        """The same as arithmetic knows it."""
        return Stage.ramp(self.ramp, self.over)


class Hold(Section):
    """As many users as there are."""

    hold: DurationOrZero = Field(description="How long.")

    def stage(self) -> Stage:
        """The same as arithmetic knows it."""
        return Stage.hold(self.hold)


class Step(Section):
    """Another number of users at once."""

    step: _Users = Field(description="How many users there are from here on.")

    def stage(self) -> Stage:
        """The same as arithmetic knows it."""
        return Stage.step(self.step)


class Spike(Section):
    """Another number of users for a while."""

    spike: _Users = Field(description="How many users there are meanwhile.")
    over: Duration = Field(description="How long, before there are as many as before.")

    def stage(self) -> Stage:
        """The same as arithmetic knows it."""
        return Stage.spike(self.spike, self.over)


def _form_of(forms: Mapping[str, type[Section]]) -> Callable[[Any], str | None]:
    def form(given: Any) -> str | None:
        if not isinstance(given, dict):
            return None
        meant = [key for key in given if key in forms] or [did_you_mean(key, forms) for key in given]
        return next((f"<{name}>" for name in meant if name), None)

    return form


def _mapping(stage: Stage) -> dict[str, Any]:
    length = duration_text(stage.seconds)
    if stage.kind == "hold":
        return {"hold": length}
    return {stage.kind: stage.level} | ({} if stage.kind == "step" else {"over": length})


class _Converted:
    """Tells pydantic to validate another type, and to convert what it is given."""

    def __init__(self, source: Any, convert: Callable[[Any], Any]) -> None:
        self._source = source
        self._convert = convert

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source
        return core_schema.no_info_after_validator_function(self._convert, handler.generate_schema(self._source))


def written_as(forms: Mapping[str, type[Section]]) -> _Converted:
    """Tell pydantic that a stage is written as one of `forms`, by their main keys."""
    tagged = tuple(Annotated[form, Tag(f"<{name}>")] for name, form in forms.items())
    by_key = Discriminator(
        _form_of(forms),
        custom_error_type="profile",
        custom_error_message="{sentence}",
        custom_error_context={"sentence": "needs ramp, hold, step or spike"},
    )
    return _Converted(Annotated[Union[tagged], by_key], lambda form: form.stage())  # noqa: UP007 - made at run time


_FORMS: dict[str, type[Section]] = {"ramp": Ramp, "hold": Hold, "step": Step, "spike": Spike}
_Stage = Annotated[Stage, written_as(_FORMS), PlainSerializer(_mapping, when_used="json")]
_Stages = Annotated[tuple[_Stage, ...], Field(min_length=1)]


def _shape(given: Any) -> Literal["<total>", "<groups>"]:
    return "<groups>" if isinstance(given, dict) else "<total>"


Load = Annotated[
    Annotated[_Stages, Tag("<total>")] | Annotated[dict[str, _Stages], Tag("<groups>")], Discriminator(_shape)
]
"""Stages over all users, or for each group by name."""
