"""What a call of the command line leaves, and a profile to call it with."""

from pathlib import Path
from typing import NamedTuple

from loadtest.errors import ExitCode

__all__ = ["Outcome", "write_profile"]

PROFILE = """\
name: {name}
target: {{url: "{target}", token: "${{WS_AUTH_TOKEN:-}}"}}
users: {{pollers: {{share: 1, pace: {{every: 1s}}, requests: [{{get: /health}}]}}}}
load: [{{ramp: 10, over: 5s}}, {{hold: 20s}}]
"""


class Outcome(NamedTuple):
    """What a command left."""

    code: ExitCode
    stdout: str
    stderr: str
    executed: list[tuple[str, list[str], dict[str, str]]]


def write_profile(path: Path, target: str = "demo") -> None:
    path.write_text(PROFILE.format(name=path.stem, target=target))
