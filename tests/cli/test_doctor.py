from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from calling import Outcome

from loadtest.capacity import Machine
from loadtest.cli import doctor
from loadtest.errors import ExitCode

Call = Callable[..., Outcome]
MACHINE = Machine(
    descriptors=1064,
    ports=(32768, 60999),
    memory=2**33,
    memory_by="free on this machine",
    cpus=2.0,
    cpus_by="this machine's",
    conntrack=None,
    pids=None,
)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "read_machine", lambda: MACHINE)


def test_without_a_profile_it_says_what_the_machine_can_hold(call: Call, folder: Path) -> None:  # noqa: ARG001 - the current directory
    outcome = call("doctor", "--workers", "3")
    assert outcome.code is ExitCode.PASS
    assert "no profile, 3 workers, 1 machine like this one" in outcome.stdout
    assert "1,064 for a process" in outcome.stdout
    assert "3,000 users" in outcome.stdout
    assert "descriptors are met first, with 3,000 users on 3 workers on 1 machine. Then: more workers" in outcome.stdout
    assert "%" not in outcome.stdout


def test_a_profile_that_fits_is_0(call: Call, folder: Path) -> None:  # noqa: ARG001 - the current directory
    outcome = call("doctor", "steady")
    assert outcome.code is ExitCode.PASS
    assert "steady: 10 users at the peak, 2 workers" in outcome.stdout
    assert "<1%  ok" in outcome.stdout


def test_a_profile_that_does_not_fit_is_1_with_the_limit_and_the_remedy(call: Call, folder: Path) -> None:  # noqa: ARG001 - the current directory
    outcome = call("doctor", "steady", "--users", "2500")
    assert outcome.code is ExitCode.FAIL
    assert "125%  TOO LITTLE" in outcome.stdout
    assert "it does not fit: descriptors (125% of 1,064 for a process). Remedy: more workers" in outcome.stdout
    assert call("doctor", "steady", "--users", "2500", "--workers", "3").code is ExitCode.PASS


def test_the_environment_says_what_the_command_line_leaves_out(call: Call, folder: Path) -> None:  # noqa: ARG001 - the current directory
    outcome = call("doctor", LOADTEST_PROFILE="steady", LOADTEST_WORKERS="5", LOADTEST_USERS="50")
    assert "steady: 50 users at the peak, 5 workers" in outcome.stdout


def test_workers_are_never_on_more_machines_than_there_are_workers(call: Call, folder: Path) -> None:  # noqa: ARG001 - the current directory
    assert "2 workers, 2 machines like this one" in call("doctor", "--hosts", "9").stdout


def test_a_machine_that_tells_nothing_is_no_error(
    call: Call,
    folder: Path,  # noqa: ARG001 - the current directory
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent = replace(MACHINE, descriptors=None, ports=None, memory=None, cpus=None)
    monkeypatch.setattr(doctor, "read_machine", lambda: silent)
    outcome = call("doctor")
    assert outcome.code is ExitCode.PASS
    assert "no limit that depends on the users could be read" in outcome.stdout
