"""Fixtures for the tests of the command line."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from calling import Outcome, write_profile

from loadtest.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with profiles/steady.yaml (whose target is demo) in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles").mkdir()
    write_profile(tmp_path / "profiles" / "steady.yaml")
    return tmp_path


@pytest.fixture
def call() -> Callable[..., Outcome]:
    """Call the command line: `call("check", "x", LOADTEST_USERS="3")`."""

    def run(*argv: str, **environ: str) -> Outcome:
        stdout, stderr = StringIO(), StringIO()
        executed: list[Any] = []
        code = main(argv, environ, stdout, stderr, lambda *called: executed.append(called))
        return Outcome(code, stdout.getvalue(), stderr.getvalue(), executed)

    return run
