from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Outcome

from loadtest.cli.local import locust
from loadtest.errors import ExitCode


@pytest.mark.parametrize(
    ("argv", "environ", "options"),
    [
        ([], {}, ["127.0.0.1", "--master-port", "5557"]),
        ([], {"LOADTEST_MASTER_HOST": "master", "LOADTEST_MASTER_PORT": "6000"}, ["master", "--master-port", "6000"]),
        (["--master-host", "a", "--master-port", "1"], {"LOADTEST_MASTER_HOST": "b"}, ["a", "--master-port", "1"]),
        (["-L", "DEBUG"], {}, ["127.0.0.1", "--master-port", "5557", "-L", "DEBUG"]),  # Locust's own
    ],
)
def test_a_worker_goes_where_the_command_line_or_the_environment_says(
    call: Callable[..., Outcome],
    folder: Path,  # noqa: ARG001 - the current directory
    argv: list[str],
    environ: dict[str, str],
    options: list[str],
) -> None:
    ((_, called, _),) = call("worker", *argv, **environ).executed
    assert called == [*locust(), "--worker", "--master-host", *options]


def test_a_worker_does_not_start_with_a_profile_it_cannot_read(
    call: Callable[..., Outcome],
    folder: Path,
) -> None:
    (folder / "profiles/broken.yaml").write_text("name: [")
    outcome = call("worker", LOADTEST_PROFILE="broken")
    assert outcome.code is ExitCode.BAD_CONFIGURATION
    assert "profiles/broken.yaml:" in outcome.stderr
    assert outcome.executed == []
