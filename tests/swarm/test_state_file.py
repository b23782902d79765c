import logging
from pathlib import Path

import gevent
import pytest

from loadtest.swarm.state_file import EVERY_S, StateFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "worker"


def test_it_says_the_state_as_it_is_now(path: Path) -> None:
    state = "waiting"
    file = StateFile(path, lambda: state)
    file.write()
    assert path.read_text() == "waiting\n"
    state = "joined"
    file.write()
    assert path.read_text() == "joined\n"
    assert [found.name for found in path.parent.iterdir()] == ["worker"]


def test_the_hub_writes_it_again_and_again_until_it_stops(path: Path) -> None:
    written: list[float] = []
    enough = gevent.event.Event()

    def state() -> str:
        written.append(0)
        if len(written) == 3:
            enough.set()
        return "joined"

    file = StateFile(path, state)
    file.start()
    try:
        assert enough.wait(20 * EVERY_S)
    finally:
        file.stop()
    assert not path.exists()


def test_a_file_that_cannot_be_written_is_logged_once_and_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = StateFile(tmp_path / "no such folder" / "worker", lambda: "joined")
    with caplog.at_level(logging.ERROR):
        file.write()
        file.write()
    assert len(caplog.records) == 1
    (tmp_path / "no such folder").mkdir()
    file.write()
    assert (tmp_path / "no such folder" / "worker").read_text() == "joined\n"
