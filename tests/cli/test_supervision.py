import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from loadtest.cli.processes import Child, Children
from loadtest.cli.supervision import Supervision
from loadtest.cli.world import World
from loadtest.errors import ExitCode

pytestmark = pytest.mark.timeout(60)

HARNESS = Path(__file__).with_name("supervised.py")
STAYS = "import signal\nwhile True: signal.pause()"
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf')\nwhile True: signal.pause()"
DRAINS = """
import signal, sys
def drain(*_): print('drained'); sys.exit(130)
signal.signal(signal.SIGTERM, drain)
print('started')
while True: signal.pause()
"""


class Supervised:
    """A supervising process, and what it says."""

    def __init__(self, spec: dict[str, Any], logs: Path) -> None:
        self.logs = logs
        self.process = subprocess.Popen(
            [sys.executable, str(HARNESS), json.dumps(spec | {"logs": str(logs)})],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # who runs the tests under nohup ignores SIGHUP, and every child would
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 - no other threads here
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.stdout, self.stderr = self.process.stdout, self.process.stderr
        self.pids: list[int] = json.loads(self.stderr.readline())
        self.watched: list[int] = []
        for pid in self.pids:
            with suppress(ProcessLookupError):  # it has ended already
                self.watched.append(os.pidfd_open(pid))

    def wait_for(self, stream: Any, text: str) -> None:
        """Read until a line holds `text`."""
        for line in stream:
            if text in line:
                return
        raise AssertionError(f"{text!r} was never said")

    def end(self) -> tuple[int, str, str]:
        """Return the exit code and what was not read yet of stdout and stderr."""
        stdout, stderr = self.process.communicate(timeout=30)
        return self.process.returncode, stdout, stderr

    def children_are_gone(self) -> bool:
        for descriptor in self.watched:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(10_000):
                return False
        return True

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        for descriptor in self.watched:
            os.close(descriptor)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(**spec: Any) -> Supervised:
        started.append(Supervised(spec, tmp_path / "logs"))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A FIFO: who reads it waits until someone writes it."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def test_the_masters_lines_and_code_are_passed_on(supervised: Callable[..., Supervised]) -> None:
    code, stdout, _ = supervised(master="print('one'); print('two'); raise SystemExit(1)").end()
    assert (code, stdout) == (1, "one\ntwo\n")


def test_a_last_line_without_an_end_is_passed_on(supervised: Callable[..., Supervised]) -> None:
    code, stdout, _ = supervised(master="import sys; sys.stdout.write('half')").end()
    assert (code, stdout) == (0, "half\n")


def test_twenty_thousand_lines_arrive_in_order(supervised: Callable[..., Supervised]) -> None:
    _, stdout, _ = supervised(master="print('\\n'.join(map(str, range(20_000))))").end()
    assert stdout.split() == [str(number) for number in range(20_000)]


def test_bytes_that_are_no_text_do_not_end_the_run(supervised: Callable[..., Supervised]) -> None:
    code, stdout, _ = supervised(master="import sys; sys.stdout.buffer.write(b'a\\xffb\\n')").end()
    assert (code, stdout) == (0, "a�b\n")


def test_a_worker_that_is_killed_is_reported_at_once_and_the_run_goes_on(
    supervised: Callable[..., Supervised], gate: Path
) -> None:
    killed = "import os, sys; sys.stderr.write('last words\\n'); os.kill(os.getpid(), 9)"
    run = supervised(master=f"open({str(gate)!r}).read()", workers=[killed, STAYS], patience={"leave": 0.1})
    run.wait_for(run.stderr, "worker-1 ended early (ended by SIGKILL)")
    assert run.stderr.readline() == f"{run.logs / 'worker-1.log'}:\n"
    assert run.stderr.readline() == "  last words\n"
    gate.write_text("go")
    assert run.end()[0] == 0


def test_a_worker_that_cannot_start_ends_a_run_that_has_not_begun(supervised: Callable[..., Supervised]) -> None:
    run = supervised(
        master=STAYS, workers=["raise SystemExit('no such profile')", STAYS], has_result=False, patience={"leave": 0.1}
    )
    code, _, stderr = run.end()
    assert code == ExitCode.NO_TARGET
    assert "no such profile" in stderr
    assert "not every worker could start: the run is ended" in stderr


def test_a_worker_that_fails_in_a_run_that_has_begun_does_not_end_it(
    supervised: Callable[..., Supervised], gate: Path, tmp_path: Path
) -> None:
    other = tmp_path / "begun"
    os.mkfifo(other)
    run = supervised(
        master=f"print('begun'); open({str(gate)!r}).read()",
        workers=[f"open({str(other)!r}).read(); raise SystemExit(7)", STAYS],
        patience={"leave": 0.1},
    )
    run.wait_for(run.stdout, "begun")
    other.write_text("go")
    run.wait_for(run.stderr, "worker-1 ended early (exit code 7)")
    gate.write_text("go")
    assert run.end()[0] == 0


def test_a_run_without_any_worker_left_is_ended(supervised: Callable[..., Supervised]) -> None:
    run = supervised(master=DRAINS, workers=["", ""], patience={"notice": 0.05}, has_result=False)
    code, _, stderr = run.end()
    assert code == ExitCode.NO_TARGET
    assert stderr.count("ended early (exit code 0)") == 2
    assert "no worker is left: the run is ended" in stderr


def test_a_master_that_does_not_end_without_workers_is_killed(supervised: Callable[..., Supervised]) -> None:
    run = supervised(master=DEAF, workers=[""], patience={"notice": 0.05, "drain": 0.05}, has_result=False)
    code, _, stderr = run.end()
    assert code == ExitCode.NO_TARGET
    assert "and is killed" in stderr


def test_workers_that_leave_as_the_run_ends_are_not_reported(supervised: Callable[..., Supervised], gate: Path) -> None:
    run = supervised(master=f"open({str(gate)!r}).read()", workers=["", ""])
    gate.write_text("go")
    code, _, stderr = run.end()
    assert (code, stderr) == (0, "\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_master_alone_and_its_result_is_awaited(
    supervised: Callable[..., Supervised], number: signal.Signals
) -> None:
    tells = "import signal\nsignal.signal(signal.SIGINT, lambda *_: print('interrupted'))\n"
    run = supervised(master=DRAINS, workers=[tells + STAYS], patience={"leave": 0.1})
    run.wait_for(run.stdout, "started")
    os.killpg(run.process.pid, number)  # as a terminal does: to the whole group
    code, stdout, _ = run.end()
    assert (code, stdout) == (130, "drained\n")
    assert "interrupted" not in (run.logs / "worker-1.log").read_text()
    assert run.children_are_gone()


def test_a_second_signal_leaves_at_once(supervised: Callable[..., Supervised]) -> None:
    run = supervised(master=DEAF, workers=[DEAF])
    run.wait_for(run.stdout, "deaf")
    run.process.send_signal(signal.SIGINT)
    run.wait_for(run.stderr, "once more leaves at once")
    run.process.send_signal(signal.SIGINT)
    assert run.end()[0] == ExitCode.INTERRUPTED
    assert run.children_are_gone()


def test_children_end_when_we_are_killed(supervised: Callable[..., Supervised]) -> None:
    run = supervised(master=DEAF, workers=[DEAF, STAYS])
    run.process.kill()
    assert run.children_are_gone()


def test_children_end_when_we_have_a_bug(supervised: Callable[..., Supervised]) -> None:
    run = supervised(master=STAYS, workers=[STAYS], bug=True)
    assert "a bug of ours" in run.end()[2]
    assert run.children_are_gone()


def test_a_worker_that_does_not_end_after_the_master_is_killed(supervised: Callable[..., Supervised]) -> None:
    run = supervised(master="print('done')", workers=[DEAF], patience={"leave": 0.05}, term=0.05)
    assert run.end()[0] == 0
    assert run.children_are_gone()


def test_a_grandchild_that_keeps_the_output_open_is_not_waited_for(supervised: Callable[..., Supervised]) -> None:
    spawns = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {STAYS!r}]).pid)"
    code, stdout, _ = supervised(master=spawns).end()
    os.kill(int(stdout), signal.SIGKILL)
    assert code == 0


def unstarted(tmp_path: Path) -> Supervision:
    """A Supervision to be asked for verdicts; its master has left a log."""
    log = tmp_path / "master.log"
    log.write_text("the reason\n")
    process: Any = None
    master = Child("master", log, process)
    return Supervision(Children(tmp_path), master, [], World({}, StringIO(), StringIO()))


@pytest.mark.parametrize(
    ("code", "has_result", "verdict", "said"),
    [
        (0, True, ExitCode.PASS, None),
        (1, True, ExitCode.FAIL, None),
        (2, True, ExitCode.BAD_CONFIGURATION, None),
        (3, True, ExitCode.INVALID, None),
        (4, True, ExitCode.NO_TARGET, None),
        (130, True, ExitCode.INTERRUPTED, None),
        (130, False, ExitCode.INTERRUPTED, None),  # interrupted before there was anything to report
        (0, False, ExitCode.INVALID, "without a result (exit code 0)"),  # nothing was judged, so nothing passed
        (1, False, ExitCode.INVALID, "the reason"),  # an exception of Python's, not a breached SLO
        (2, False, ExitCode.BAD_CONFIGURATION, "the reason"),  # what is wrong stands in the log only
        (4, False, ExitCode.NO_TARGET, "the reason"),
        (255, True, ExitCode.INVALID, "the master failed (exit code 255)"),  # Locust's own failures
        (-9, True, ExitCode.INVALID, "the master failed (ended by SIGKILL)"),
        (-15, False, ExitCode.INVALID, "ended by SIGTERM"),  # not by us: nobody asked
    ],
)
def test_the_masters_code_becomes_ours(
    tmp_path: Path, *, code: int, has_result: bool, verdict: ExitCode, said: str | None
) -> None:
    got, sentence = unstarted(tmp_path).verdict(code, has_result=has_result)
    assert got is verdict
    assert sentence is None if said is None else said in (sentence or "")


@pytest.mark.parametrize(
    ("code", "has_result", "verdict"),
    [
        (-15, False, ExitCode.INTERRUPTED),  # it had not yet learned to handle the signal
        (1, False, ExitCode.INTERRUPTED),  # Locust while it waits for workers
        (0, True, ExitCode.PASS),  # the run was over already
        (255, False, ExitCode.INVALID),
    ],
)
def test_a_master_that_ends_after_a_signal_was_interrupted(
    tmp_path: Path, *, code: int, has_result: bool, verdict: ExitCode
) -> None:
    watch = unstarted(tmp_path)
    watch.asked = True
    assert watch.verdict(code, has_result=has_result)[0] is verdict


@pytest.mark.parametrize(
    ("code", "has_result", "verdict"),
    [
        (130, True, ExitCode.NO_TARGET),  # it was us who interrupted it
        (-15, False, ExitCode.NO_TARGET),
        (3, True, ExitCode.INVALID),  # it was judged: reports are missing
    ],
)
def test_a_run_that_lost_all_its_workers_was_not_done(
    tmp_path: Path, *, code: int, has_result: bool, verdict: ExitCode
) -> None:
    watch = unstarted(tmp_path)
    watch.abandoned = True
    assert watch.verdict(code, has_result=has_result)[0] is verdict


def test_a_master_that_gave_up_waiting_for_a_dead_worker_had_too_few(tmp_path: Path) -> None:
    watch = unstarted(tmp_path)
    watch.early.append(watch.master)
    assert watch.verdict(1, has_result=False)[0] is ExitCode.NO_TARGET
