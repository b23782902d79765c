import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from io import StringIO
from pathlib import Path

import pytest
from calling import Outcome

from loadtest.cli import main, schema
from loadtest.cli.entry import COMMANDS
from loadtest.errors import ExitCode

Call = Callable[..., Outcome]
SEE_RUN = " (see loadtest run --help)\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_examples(call: Call, command: str) -> None:
    outcome = call(command, "--help")
    assert outcome.code is ExitCode.PASS
    assert f"loadtest {command}" in outcome.stdout.partition("example")[2]


def test_the_help_of_the_program_names_every_command(call: Call) -> None:
    outcome = call("--help")
    assert (outcome.code, outcome.stderr) == (ExitCode.PASS, "")
    assert all(f"{name} " in outcome.stdout and command.summary in outcome.stdout for name, command in COMMANDS.items())


def test_without_a_command_the_help_is_an_error(call: Call) -> None:
    outcome = call()
    assert (outcome.code, outcome.stdout) == (ExitCode.BAD_CONFIGURATION, "")
    assert outcome.stderr.startswith("usage: loadtest COMMAND")


def test_the_version_is_the_packages(call: Call) -> None:
    assert call("--version").stdout == f"loadtest {metadata.version('loadtest')}\n"


@pytest.mark.parametrize(
    ("argv", "stderr"),
    [
        (["chekc"], "loadtest: there is no command chekc; did you mean check? (see loadtest --help)\n"),
        (["zzz"], "loadtest: there is no command zzz (see loadtest --help)\n"),  # near to nothing
        (["run", "--worker", "3"], "loadtest: --worker: is not known here; did you mean --workers?" + SEE_RUN),
        (["run", "--tokne=secret"], "loadtest: --tokne: is not known here" + SEE_RUN),  # not its value
        (["--versoin"], "loadtest: --versoin: is not known here; did you mean --version? (see loadtest --help)\n"),
        (["check"], "loadtest: the following arguments are required: PROFILE (see loadtest check --help)\n"),
    ],
)  # fmt: skip
def test_a_typing_mistake_is_a_sentence_and_exit_code_2(call: Call, argv: list[str], stderr: str) -> None:
    outcome = call(*argv)
    assert (outcome.code, outcome.stderr) == (ExitCode.BAD_CONFIGURATION, stderr)


@pytest.mark.parametrize("role", ["master", "worker"])
def test_what_locusts_own_image_is_started_with_means_the_role(call: Call, folder: Path, role: str) -> None:  # noqa: ARG001 - the current directory
    """The official Kubernetes operator passes `--master`, or `--worker --master-host HOST`, to any image."""
    ((_, by_option, _),) = call(f"--{role}", "--loglevel", "INFO").executed
    ((_, by_name, _),) = call(role, "--loglevel", "INFO").executed
    assert by_option == by_name


def test_a_bug_is_not_taken_for_a_breached_slo(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> ExitCode:
        raise ZeroDivisionError

    monkeypatch.setattr(schema, "execute", broken)
    outcome = call("schema")
    assert outcome.code is ExitCode.INVALID
    assert "ZeroDivisionError" in outcome.stderr


def test_ctrl_c_is_130(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> ExitCode:
        raise KeyboardInterrupt

    monkeypatch.setattr(schema, "execute", interrupted)
    assert call("schema").code is ExitCode.INTERRUPTED


def test_output_that_nobody_reads_is_no_error() -> None:
    class Closed(StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    assert main(["schema"], {}, Closed(), StringIO()) is ExitCode.PASS


@pytest.mark.parametrize("argv", [["schema"], ["check", "profiles/smoke.yaml"], ["--version"]])
def test_a_command_that_runs_nothing_imports_neither_locust_nor_gevent(
    argv: list[str], pytestconfig: pytest.Config
) -> None:
    program = (
        "import os, sys; from loadtest.cli import main\n"
        f"assert main({argv!r}, {{}}, open(os.devnull, 'w'), sys.stderr) == 0\n"
        "print(sorted({'locust', 'gevent', 'flask', 'zmq', 'loadtest.swarm'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=pytestconfig.rootpath, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_module_exits_with_the_commands_code() -> None:
    done = subprocess.run([sys.executable, "-m", "loadtest", "chekc"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean check?" in done.stderr


def test_a_pipe_that_closes_early_leaves_no_complaint() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "loadtest", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
