"""`loadtest schema`: the JSON Schema of a profile, for editors. What is in it is decided by `loadtest.profiles`."""

from argparse import Namespace
from importlib.resources import files

from loadtest.cli.arguments import Parser
from loadtest.cli.world import World
from loadtest.errors import ExitCode

__all__ = ["execute", "parser"]

EXAMPLES = """\
example:
  loadtest schema > profile.schema.json

An editor completes and checks a profile that starts with
  # yaml-language-server: $schema=profile.schema.json
"""


def parser(world: World) -> Parser:
    """Return the parser of `loadtest schema`."""
    return Parser("loadtest schema", "Print the JSON Schema of a profile.", EXAMPLES, world.stdout)


def execute(_: Namespace, world: World) -> ExitCode:
    """Print the schema that ships with the package: making it anew would take ten times as long."""
    world.say((files("loadtest") / "profile.schema.json").read_text(encoding="utf-8").rstrip("\n"))
    return ExitCode.PASS
