"""What a container of the cluster runs: configuration is checked, then this process becomes Locust.

`master_role` and `worker_role` are the two commands; what they share is here.
"""

from collections.abc import Mapping

from loadtest.cli.arguments import Parser
from loadtest.cli.configuration import configure
from loadtest.cli.local import locust
from loadtest.cli.world import World
from loadtest.errors import ExitCode
from loadtest.profiles import Overrides

__all__ = ["become", "role_parser"]

MASTER_PORT = 5557
"""Locust's own default."""


def role_parser(name: str, description: str, examples: str, world: World) -> Parser:
    """Return a parser that passes on what it does not know."""
    made = Parser(f"loadtest {name}", description, examples, world.stdout, passes_on=True)
    made.usage = f"loadtest {name} [options] [options of locust]"
    return made


def checked_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the folder of profiles in it. Raises ProfileError and UsageError."""
    configuration = configure(environ.get("LOADTEST_PROFILE"), Overrides.from_environ(environ), environ)
    return {**environ, "LOADTEST_PROFILES": configuration.folder}


def become(options: list[str], environ: dict[str, str], world: World) -> ExitCode:
    """Become Locust: returns only where a test has put something else in place of exec."""
    argv = list(locust(*options))
    world.stdout.flush()
    world.stderr.flush()
    world.execute(argv[0], argv, environ)
    return ExitCode.PASS
