from collections.abc import Callable
from pathlib import Path

from calling import Outcome, write_profile

from loadtest.errors import ExitCode

Call = Callable[..., Outcome]
LINE = "steady: 10 users at most, 25s; pollers (rest)"


def test_a_good_profile_is_shown(call: Call, folder: Path) -> None:  # noqa: ARG001 - the current directory
    outcome = call("check", "steady")
    assert (outcome.code, outcome.stdout, outcome.stderr) == (ExitCode.PASS, f"ok profiles/steady.yaml: {LINE}\n", "")


def test_every_problem_of_every_profile_is_shown(call: Call, folder: Path) -> None:
    text = (folder / "profiles/steady.yaml").read_text()
    (folder / "profiles/one.yaml").write_text(text.replace("every: 1s", "every: 0s").replace("ramp: 10", "ramp: -1"))
    (folder / "profiles/two.yaml").write_text(text.replace("users:", "usres:"))
    outcome = call("check", "one", "steady", "two")
    assert outcome.code is ExitCode.BAD_CONFIGURATION
    assert outcome.stdout == f"ok profiles/steady.yaml: {LINE}\n"
    assert outcome.stderr.count("profiles/one.yaml:") == 2
    assert "did you mean users?" in outcome.stderr


def test_the_environment_changes_a_profile_and_the_command_line_goes_first(call: Call, folder: Path) -> None:
    write_profile(folder / "profiles/other.yaml")
    assert "20 users at most, 50s" in call("check", "other", LOADTEST_USERS="20", LOADTEST_DURATION="50s").stdout
    wrong = call("check", "other", LOADTEST_TARGET="ftp://x")
    assert wrong.code is ExitCode.BAD_CONFIGURATION
    assert "LOADTEST_TARGET" in wrong.stderr
    assert call("check", "other", "--target", "http://x", LOADTEST_TARGET="ftp://x").code is ExitCode.PASS


def test_a_bad_profile_keeps_the_good_ones_from_being_tried(call: Call, folder: Path) -> None:  # noqa: ARG001
    outcome = call("check", "--live", "steady", "nowhere")
    assert outcome.code is ExitCode.BAD_CONFIGURATION
    assert "nowhere: there is no such profile" in outcome.stderr


def test_the_length_of_a_live_check_is_checked(call: Call, folder: Path) -> None:  # noqa: ARG001
    outcome = call("check", "steady", "--live", LOADTEST_LIVE_SECONDS="long")
    assert (outcome.code, outcome.stderr) == (
        ExitCode.BAD_CONFIGURATION,
        "loadtest: LOADTEST_LIVE_SECONDS: must be a whole number\n",
    )
