from pathlib import Path
from typing import Any

import pytest

from loadtest.cli.processes import Child, Children, Command, ending
from loadtest.errors import UsageError


def child(log: Path) -> Child:
    process: Any = None
    return Child("worker-1", log, process)


def test_a_tail_names_the_log_and_shows_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "worker-1.log"
    log.write_text("".join(f"line {number}\n" for number in range(10_000)))
    assert child(log).tail(2) == f"{log}:\n  line 9998\n  line 9999"


def test_a_tail_of_nothing_says_so(tmp_path: Path) -> None:
    log = tmp_path / "worker-1.log"
    assert child(log).tail() == f"{log} can't be read: No such file or directory"
    log.touch()
    assert child(log).tail() == f"{log} is empty"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-15, "ended by SIGTERM"),
        (-63, "ended by signal 63"),  # a real-time signal has no name of its own
    ],
)
def test_an_end_is_said_in_words(code: int, words: str) -> None:
    assert ending(code) == words


def test_logs_that_cannot_be_written_are_a_mistake_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file/logs/x\.log can't be written: not a directory"):
        Children(tmp_path / "file" / "logs").start(Command("x", ("never",), {}))


def test_a_command_does_not_show_its_environment() -> None:
    assert "secret" not in repr(Command("x", ("python",), {"WS_AUTH_TOKEN": "secret"}))
