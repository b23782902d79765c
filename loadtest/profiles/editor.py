"""The JSON Schema of a profile, for editors (yaml-language-server). Checking a profile is `reading`.

It knows less than `reading` does: a file that it accepts may still have mistakes that take more than one key to see.
"""

from typing import Any

from loadtest.profiles.group import GROUP_NAME
from loadtest.profiles.profile import Profile

__all__ = ["schema"]

_VARIABLE = {
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
    "description": "${NAME} or ${NAME:-default}: from the environment.",
}
_SINGLE = ("integer", "number", "boolean")
_DROPPED = ("title", "default", "properties")
_NAMES: dict[str, str] = {"gt": "exclusiveMinimum", "ge": "minimum", "le": "maximum"}
"""Where a bound stands behind a conversion, pydantic leaves its own name for it in the schema."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that `loadtest/profile.schema.json` holds."""
    raw = Profile.model_json_schema(by_alias=True, mode="validation")
    clean: dict[str, Any] = _cleaned(raw)
    clean["properties"]["users"]["propertyNames"] = {"pattern": f"^{GROUP_NAME.pattern}$"}
    clean["$defs"]["variable"] = _VARIABLE
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "loadtest profile",
        **{key: value for key, value in clean.items() if key != "$defs"},
        "$defs": dict(sorted(clean["$defs"].items())),
    }


def _cleaned(node: Any) -> Any:
    """Say the same in fewer words, and let a variable stand wherever a value is more than any text."""
    if isinstance(node, list):
        return [_cleaned(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {str(key): value for key, value in node.items() if key not in _DROPPED}
    clean: dict[str, Any] = {_NAMES.get(key, key): _cleaned(value) for key, value in kept.items()}
    if "properties" in node:
        clean["properties"] = {key: _cleaned(value) for key, value in node["properties"].items()}
    if node.get("default") not in (None, "", [], {}):
        clean["default"] = node["default"]
    return _or_variable(_flat(clean))


def _flat(node: dict[str, Any]) -> dict[str, Any]:
    """Merge alternatives within alternatives; leave out null, which is the same as leaving out the key."""
    if "anyOf" not in node:
        return node
    choices: list[Any] = []
    for choice in node["anyOf"]:
        choices += [one for one in (choice["anyOf"] if choice.keys() == {"anyOf"} else [choice]) if one not in choices]
    choices = [choice for choice in choices if choice != {"type": "null"}]
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return {**choices[0], **rest} if len(choices) == 1 else {**rest, "anyOf": choices}


def _or_variable(node: dict[str, Any]) -> dict[str, Any]:
    restricted = node.get("type") == "string" and node.keys() & {"pattern", "enum", "const"}
    if node.get("type") not in _SINGLE and not restricted:
        return node
    outside: dict[str, Any] = {key: node[key] for key in ("description", "default") if key in node}
    inside = {key: value for key, value in node.items() if key not in outside}
    return {**outside, "anyOf": [inside, {"$ref": "#/$defs/variable"}]}
