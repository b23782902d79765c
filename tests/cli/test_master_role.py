import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Outcome

from loadtest.cli.local import locust
from loadtest.errors import ExitCode

Call = Callable[..., Outcome]


def options_of(outcome: Outcome) -> list[str]:
    """What Locust was started with, after its locustfile."""
    assert (outcome.code, outcome.stderr) == (ExitCode.PASS, "")
    ((program, argv, _),) = outcome.executed
    assert argv[: len(locust())] == list(locust())
    assert program == argv[0]
    return argv[len(locust()) :]


def _bound(host: str, port: int) -> list[str]:
    return ["--master", "--master-bind-host", host, "--master-bind-port", str(port)]


def _page(host: str, port: int) -> list[str]:
    return ["--web-host", host, "--web-port", str(port)]


LOOPBACK = _bound("127.0.0.1", 5557)
PAGE = _page("127.0.0.1", 8089)
CHOSEN = {"LOADTEST_PROFILE": "steady"}
OPEN = {"LOADTEST_MASTER_BIND_HOST": "*", "LOADTEST_MASTER_PORT": "6000"}
KEY = "ZkV1m7Hq0eWcT5xYb2nR8sUjL4pAoD9gF3iK6vXtQzM"
HEADLESS = ["--headless", "--only-summary", "--expect-workers"]


@pytest.mark.parametrize(
    ("argv", "environ", "options"),
    [
        ([], {}, [*LOOPBACK, *PAGE]),  # reachable from this machine only, unless told otherwise
        ([], {"LOADTEST_WEB_HOST": "", "LOADTEST_WEB_PORT": ""}, [*LOOPBACK, *PAGE]),  # Compose sets empty ones
        ([], {"LOADTEST_WEB_HOST": "10.0.0.1", "LOADTEST_WEB_PORT": "80"}, [*LOOPBACK, *_page("10.0.0.1", 80)]),
        ([], OPEN | {"LOADTEST_CLUSTER_KEY": KEY}, [*_bound("*", 6000), *PAGE]),
        ([], OPEN | {"LOADTEST_ALLOW_NO_CLUSTER_KEY": "yes"}, [*_bound("*", 6000), *PAGE]),
        (["--web-host", "0.0.0.0"], {}, [*LOOPBACK, *PAGE, "--web-host", "0.0.0.0"]),  # the last one counts
        (["--headless"], CHOSEN, [*LOOPBACK, *HEADLESS, "1"]),
        (["--headless"], CHOSEN | {"LOADTEST_WORKERS": "8"}, [*LOOPBACK, *HEADLESS, "8"]),
        (["--headless", "--workers", "3"], CHOSEN | {"LOADTEST_WORKERS": "8"}, [*LOOPBACK, *HEADLESS, "3"]),
        (["--headless", "--load-profile", "steady"], {}, [*LOOPBACK, *HEADLESS, "1", "--load-profile", "steady"]),
    ],
)  # fmt: skip
def test_locust_gets_options_from_the_command_line_and_the_environment(
    call: Call,
    folder: Path,  # noqa: ARG001 - the current directory
    argv: list[str],
    environ: dict[str, str],
    options: list[str],
) -> None:
    assert options_of(call("master", *argv, **environ)) == options


def test_locust_gets_the_environment_with_the_folder_of_profiles(call: Call, folder: Path) -> None:  # noqa: ARG001
    ((_, _, environ),) = call("master", LOADTEST_USERS="5", LOCUST_LOGLEVEL="DEBUG").executed
    assert environ == {
        "LOADTEST_USERS": "5",
        "LOCUST_LOGLEVEL": "DEBUG",
        "LOADTEST_PROFILES": "profiles",
        "LOADTEST_WORKERS": "1",
    }


@pytest.mark.parametrize(
    ("argv", "environ", "said"),
    [
        ([], {"LOADTEST_PROFILE": "stedy"}, "did you mean steady?"),
        ([], {"LOADTEST_MASTER_PORT": "x"}, "LOADTEST_MASTER_PORT: must be a whole number"),
        ([], {"LOADTEST_WEB_PORT": "99999"}, "LOADTEST_WEB_PORT: must be 65535 or less"),
        ([], {"LOADTEST_DURATION": "soon"}, "LOADTEST_DURATION: must be a duration"),
        (["--headless"], {}, "which profile? --headless runs the one that LOADTEST_PROFILE names"),
        (["--headless", "--workers", "none"], {}, "--workers: must be a whole number"),
    ],
)
def test_a_bad_configuration_ends_before_locust_starts(
    call: Call,
    folder: Path,  # noqa: ARG001 - the current directory
    argv: list[str],
    environ: dict[str, str],
    said: str,
) -> None:
    outcome = call("master", *argv, **environ)
    assert outcome.code is ExitCode.BAD_CONFIGURATION
    assert said in outcome.stderr
    assert outcome.executed == []


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "there is no cluster key: set LOADTEST_CLUSTER_KEY"),
        ({"LOADTEST_CLUSTER_KEY": "too short"}, "LOADTEST_CLUSTER_KEY is too weak"),
        ({"LOADTEST_ALLOW_NO_CLUSTER_KEY": "no"}, "there is no cluster key"),
        ({"LOADTEST_ALLOW_NO_CLUSTER_KEY": "1"}, "must be yes or no"),
    ],
)
def test_others_can_reach_the_control_port_only_with_a_key_or_if_that_is_said(
    call: Call,
    folder: Path,  # noqa: ARG001 - the current directory
    environ: dict[str, str],
    says: str,
) -> None:
    outcome = call("master", **OPEN, **environ)
    assert (outcome.code, outcome.executed) == (ExitCode.BAD_CONFIGURATION, [])
    assert says in outcome.stderr
    assert "too short" not in outcome.stderr


def test_a_second_master_on_the_same_port_is_told_so(call: Call) -> None:
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        first.listen()
        port = first.getsockname()[1]
        outcome = call("master", LOADTEST_MASTER_PORT=str(port))
    assert outcome.code == ExitCode.BAD_CONFIGURATION
    assert f"the master can't have port {port}: address already in use; is another master running?" in outcome.stderr
    assert outcome.executed == []
