"""docs/cli.md says what the commands say: options, defaults' variables, exit codes."""

import re
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest

from loadtest.cli.arguments import Parser
from loadtest.cli.entry import COMMANDS
from loadtest.cli.world import World
from loadtest.errors import ExitCode

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
ROLES = TEXT[TEXT.index("## `loadtest master`") : TEXT.index("## Environment")]
SOURCES = "".join(path.read_text() for path in (Path(__file__).parents[2] / "loadtest").rglob("*.py"))


def section(command: str) -> str:
    """The part of the page that describes a command."""
    if command in ("master", "worker"):
        return ROLES[ROLES.index(f"`loadtest {command}`:") :].partition("\n\n`loadtest ")[0]
    return TEXT[TEXT.index(f"## `loadtest {command}") :].partition("\n## ")[0]


def parser(command: str) -> Parser:
    made: Parser = import_module(COMMANDS[command].module).parser(World({}, StringIO(), StringIO()))
    return made


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_has_exactly_the_options_of_a_command(command: str) -> None:
    documented = set(re.findall(r"^\| `(--[a-z-]+)", section(command), re.MULTILINE))
    assert documented == set(parser(command).options()) - {"--help"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_and_the_help_name_the_same_variables(command: str) -> None:
    helps = " ".join(action.help or "" for action in parser(command)._actions)
    rows = "".join(re.findall(r"^\| `[-A-Z].*$", section(command), re.MULTILINE))
    assert set(re.findall(r"LOADTEST_[A-Z_]+", helps)) - {"LOADTEST_PROFILES"} <= set(
        re.findall(r"LOADTEST_[A-Z_]+", rows)
    )


def test_every_variable_that_is_read_is_in_the_table() -> None:
    table = TEXT[TEXT.index("## Environment") : TEXT.index("## Exit codes")]
    documented = set(re.findall(r"^\| `((?:LOADTEST|WS)_[A-Z_]+)`", table, re.MULTILINE))
    read = set(re.findall(r"\"(LOADTEST_[A-Z_]+)\"", SOURCES))
    instead = {name for name in read if name.removesuffix("_FILE") in read - {name}}  # stand in the same row
    assert documented == read - instead | {"WS_AUTH_TOKEN"}


def test_the_table_of_exit_codes_is_complete() -> None:
    rows = re.findall(r"^\| (\d+) \| `([A-Z_]+)` \| .", TEXT, re.MULTILINE)
    assert [(int(code), name) for code, name in rows] == [(code.value, code.name) for code in ExitCode]
