from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT
from typing import Any

import pytest

from loadtest.cli.demo import start_demo
from loadtest.cli.processes import Child, Command, Event, Exited, Interrupted, Line, Signalled
from loadtest.errors import TargetError


class Script:
    """In place of Children: starts nothing, and tells what it was told to."""

    def __init__(self, log: Path, *told: str | int | None) -> None:
        log.write_text("No module named uvicorn\n")
        process: Any = None
        self.child = Child("backend", log, process)
        self.told = told
        self.command: Command | None = None

    def start(self, command: Command) -> Child:
        self.command = command
        return self.child

    def events(self, _: float) -> Iterator[Event]:
        for each in self.told:
            if isinstance(each, str):
                yield Line(self.child, each)
            elif each is None:
                yield Signalled(SIGINT)
            else:
                self.child.code = each
                yield Exited(self.child)


def start(script: Any, token: str = "", **environ: str) -> str:
    return start_demo(script, environ, token)


def test_its_url_is_read_from_the_line_that_says_it_is_ready(tmp_path: Path) -> None:
    script = Script(tmp_path / "log", "a warning", "listening on http://127.0.0.1:4711")
    assert start(script) == "http://127.0.0.1:4711"


@pytest.mark.parametrize(
    ("environ", "limit"),
    [
        ({}, "0"),  # all our connections come from one address
        ({"WS_MAX_CONNECTIONS_PER_IP": ""}, "0"),
        ({"WS_MAX_CONNECTIONS_PER_IP": "3"}, "3"),  # who asks for refusals gets them
    ],
)
def test_it_wants_the_profiles_token_and_has_no_limit(tmp_path: Path, environ: dict[str, str], limit: str) -> None:
    script = Script(tmp_path / "log", "listening on http://127.0.0.1:4711")
    start(script, "canary", **environ)
    assert script.command is not None
    assert script.command.environ["WS_AUTH_TOKEN"] == "canary"  # noqa: S105 - the test's own
    assert script.command.environ["WS_MAX_CONNECTIONS_PER_IP"] == limit


def test_when_it_does_not_start_its_last_words_are_shown(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"did not start \(exit code 1\)(.|\n)*No module named uvicorn"):
        start(Script(tmp_path / "log", 1))


def test_when_it_says_nothing_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="did not say that it listens within 30 s"):
        start(Script(tmp_path / "log"))


def test_a_signal_while_it_starts_leaves(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        start(Script(tmp_path / "log", None))
