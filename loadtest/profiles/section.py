"""Section: what every mapping of a profile is. The mappings have modules of their own."""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails

from loadtest.profiles.masking import masked
from loadtest.profiles.values import wrong
from loadtest.profiles.wording import did_you_mean, findings

__all__ = ["Section"]


class Section(BaseModel):
    """A mapping with known keys, frozen. An empty value is the same as leaving the key out.

    All that is wrong with one is found at once: its keys, their values, and what they say together (`one_of`,
    `contradictions`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)

    one_of: ClassVar[tuple[str, ...]] = ()
    """Exactly one of these keys must be given."""

    @classmethod
    def contradictions(cls, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield a key and a sentence for whatever the given keys say that can't be true together."""
        del given
        return iter(())

    @classmethod
    def known_keys(cls) -> dict[str, str]:
        """Every key as a profile spells it, with the name of the attribute."""
        return {field.alias or name: name for name, field in cls.model_fields.items()}

    @classmethod
    def key_problems(cls, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield a key ("" for the mapping itself) and a sentence for every key that can't be there, or has to be."""
        known = cls.known_keys()
        unknown = [key for key in given if key not in known]
        meant = {key: did_you_mean(key, known) for key in unknown}
        for key in unknown:
            hint = f"did you mean {meant[key]}?" if meant[key] else f"there are {', '.join(known)}"
            yield key, f"unknown key; {hint}"
        for key, name in known.items():
            if cls.model_fields[name].is_required() and key not in given and key not in meant.values():
                yield key, "is missing"
        chosen = [key for key in cls.one_of if key in given]
        if len(chosen) > 1:
            yield chosen[1], f"can't stand beside {chosen[0]}: give one of them"
        elif cls.one_of and not chosen and not unknown:
            yield "", f"needs {', '.join(cls.one_of[:-1])} or {cls.one_of[-1]}"

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        if cls.one_of:
            handler.resolve_ref_schema(schema)["oneOf"] = [{"required": [key]} for key in cls.one_of]
        return schema

    @model_validator(mode="wrap")
    @classmethod
    def _everything_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, dict):
            return handler(data)
        given = {key: value for key, value in data.items() if value is not None}
        wrongs = [*cls.key_problems(given), *cls.contradictions(given)]
        found: list[tuple[tuple[str | int, ...], str]] = [((key,) if key else (), text) for key, text in wrongs]
        try:
            section = handler({key: value for key, value in given.items() if key in cls.known_keys()})
        except ValidationError as error:
            found += [(at, text) for at, text, name in findings(error) if name != "missing"]
        if not found:
            return section
        lines = [InitErrorDetails(type=wrong(text), loc=at, input=None) for at, text in found]
        raise ValidationError.from_exception_data(cls.__name__, lines, hide_input=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, value if isinstance(value, Section) else masked({name: value})[name]
