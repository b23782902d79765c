import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from loadtest.profiles import discover, load_file, schema

ROOT = Path(__file__).parents[2]
SHIPPED = discover(ROOT / "profiles")
VALIDATOR = Draft202012Validator(schema())


def shipped(name: str) -> Any:
    return yaml.safe_load(SHIPPED[name].read_text())


def places(node: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every key in the schema: where it is defined, and how."""
    if isinstance(node, list):
        return [place for item in node for place in places(item, path)]
    if not isinstance(node, dict):
        return []
    own = [(f"{path}.{key}", value) for key, value in node.get("properties", {}).items()]
    return own + [place for key, value in node.items() for place in places(value, f"{path}.{key}")]


def test_the_file_that_editors_read_is_the_schema() -> None:
    """`loadtest schema` prints the file that is there; this makes it anew.

    python -c "import json; from loadtest.profiles import schema; print(json.dumps(schema(), indent=2))" > FILE
    """
    assert json.loads((ROOT / "loadtest/profile.schema.json").read_text()) == schema()


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


def test_every_key_is_described() -> None:
    definitions = schema()["$defs"]
    for path, node in places(schema()):
        target = definitions[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
        assert target.get("description"), path


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_profiles_fit_the_schema(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(shipped(name))] == []
    assert SHIPPED[name].read_text().startswith("# yaml-language-server: $schema=../loadtest/profile.schema.json\n")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seed",), "${SEED:-5}"),  # a variable may stand for any value
        (("users", "pollers", "share"), "${SHARE}"),
        (("users", "pollers", "timeout"), 5),  # a number of seconds
        (("users", "pollers", "timeout"), "1m30s"),
        (("users", "subscribers", "send"), ["hello", {"json": {"a": 1}}]),
        (("users", "subscribers", "session"), {"length": "1s..2s", "reconnect": False}),
        (("target", "url"), ["http://a:1", "http://b:2"]),
        (("load",), {"subscribers": [{"step": 5}, {"hold": "1s"}]}),
    ],
)
def test_the_schema_lets_pass_what_can_be_read(path: tuple[str, ...], value: Any) -> None:
    data = shipped("market-open-burst")
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert VALIDATOR.is_valid(data)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("nmae",), "x"),  # unknown keys, at each level
        (("target", "tokn"), "x"),
        (("users", "pollers", "pase"), {}),
        (("users", "pollers", "websocket"), "/ws"),  # both kinds
        (("users", "pollers", "count"), 5),  # beside a share
        (("users", "two words"), {"websocket": "/x"}),
        (("users", "pollers", "share"), 0),
        (("users", "pollers", "pace"), {"pause": "1s", "every": "1s"}),
        (("users", "pollers", "pace"), {"every": "0s"}),
        (("users", "pollers", "pace"), {"every": "soon"}),
        (("users", "pollers", "requests"), []),
        (("users", "pollers", "requests"), [{"weight": 1}]),
        (("users", "pollers", "requests"), [{"get": "api"}]),
        (("users", "subscribers", "send_time"), {"field": "a", "unit": "min"}),
        (("users", "subscribers", "compression"), "often"),
        (("load",), []),
        (("load",), [{"ramp": 5}]),
        (("load",), [{"ramp": -5, "over": "1s"}]),
        (("slo",), "errors < 1%"),
        (("seed",), 1.5),
    ],
)
def test_the_schema_rejects_what_cannot_be_read(path: tuple[str, ...], value: Any) -> None:
    data = shipped("market-open-burst")
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert not VALIDATOR.is_valid(data)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_resolved_profile_fits_the_schema_too(name: str) -> None:
    assert VALIDATOR.is_valid(yaml.safe_load(load_file(SHIPPED[name]).resolved()))
