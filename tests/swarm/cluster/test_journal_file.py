"""swarm/cluster/journal.py: what was kept is on disk; a disk that fails is reported and never stops anything."""

import os
import threading
from pathlib import Path

import gevent
import pytest

from loadtest.clock import SystemClock
from loadtest.errors import JournalError
from loadtest.results.journal import MAGIC, Enlisted, Entry, encode
from loadtest.swarm.cluster import journal as journal_module
from loadtest.swarm.cluster.journal import Journal, Scan


def entry(number: int) -> Entry:
    return Enlisted(f"w{number}", number, float(number))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(journal_module, "COMMIT_S", 0.01)
    monkeypatch.setattr(journal_module, "RETRY_S", 0.02)
    with gevent.Timeout(20.0):
        yield


def read(path: Path) -> tuple[list[Entry], int]:
    scan = Scan(path)
    return list(scan), scan.good


def kept(journal: Journal, *entries: Entry) -> bool:
    """Add entries and wait for what is said of them."""
    said: gevent.event.AsyncResult[bool] = gevent.event.AsyncResult()
    journal.append(entries, said.set)
    return bool(said.get(timeout=10))


def test_what_is_said_to_be_kept_is_in_the_file_at_that_moment(tmp_path: Path) -> None:
    path = tmp_path / "run" / "records.journal"
    journal = Journal(path, SystemClock())
    for number in range(3):
        assert kept(journal, entry(number))
        assert read(path) == ([entry(n) for n in range(number + 1)], path.stat().st_size)
    assert journal.close()


def test_many_entries_share_one_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes: list[int] = []
    original = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (flushes.append(file), original(file)))
    journal = Journal(tmp_path / "j", SystemClock())
    said: list[bool] = []
    for number in range(100):
        journal.append([entry(number)], said.append)
    assert journal.close()
    assert said == [True] * 100
    assert len(flushes) <= 2
    assert len(read(tmp_path / "j")[0]) == 100


def test_nothing_is_said_to_be_kept_before_it_was_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bool] = []
    early: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _file: early.extend(said))
    journal = Journal(tmp_path / "j", SystemClock())
    journal.append([entry(0)], said.append)
    assert journal.close()
    assert (said, early) == ([True], [])


def test_a_journal_is_gone_on_with_after_its_last_whole_frame(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(MAGIC + encode(entry(0)) + encode(entry(1))[:-3])
    entries, good = read(path)
    assert entries == [entry(0)]
    journal = Journal(path, SystemClock(), size=good)
    assert kept(journal, entry(2))
    assert journal.close()
    assert read(path)[0] == [entry(0), entry(2)]


def test_a_directory_that_can_t_be_written_is_reported_once_and_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a directory")
    journal = Journal(tmp_path / "file" / "j", SystemClock())
    assert not kept(journal, entry(0))
    assert not kept(journal, entry(1))
    assert journal.failed == "File exists"
    assert len([record for record in caplog.records if "can't be written" in record.message]) == 1
    assert not journal.close()


def test_what_waited_for_a_failing_disk_is_written_when_it_is_well_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j"
    journal = Journal(path, SystemClock())
    assert kept(journal, entry(0))
    full = OSError(28, "No space left on device")
    original = os.write

    def half(file: int, data: bytes) -> int:
        original(file, bytes(data)[:5])
        raise full

    monkeypatch.setattr(os, "write", half)
    assert not kept(journal, entry(1))
    assert read(path)[0] == [entry(0)]
    monkeypatch.setattr(os, "write", original)
    assert kept(journal, entry(2))
    assert journal.close()
    assert read(path)[0] == [entry(0), entry(1), entry(2)]


def test_a_journal_that_somebody_deletes_is_made_anew_with_all_that_was_in_it(tmp_path: Path) -> None:
    path = tmp_path / "run" / "j"
    journal = Journal(path, SystemClock())
    assert kept(journal, entry(0))
    path.unlink()
    path.parent.rmdir()
    assert kept(journal, entry(1))
    assert journal.close()
    assert read(path)[0] == [entry(0), entry(1)]


def test_two_masters_never_write_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "j"
    first, second = Journal(path, SystemClock()), Journal(path, SystemClock())
    assert kept(first, entry(0))
    assert not kept(second, entry(1))
    assert second.failing == "another master writes this run"
    assert first.close()
    assert not second.close()
    assert read(path)[0] == [entry(0)]


def test_what_is_no_journal_is_named_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"something else")
    with pytest.raises(JournalError, match=r"j: it is not the journal of a run"):
        read(tmp_path / "j")
    with pytest.raises(JournalError, match="can't be read: No such file"):
        read(tmp_path / "none")


def test_what_comes_after_entries_that_were_given_up_is_not_said_to_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal with a gap in it can't be gone on with: workers must keep what they have."""
    monkeypatch.setattr(journal_module, "PENDING_BYTES", 1)
    blocked = tmp_path / "run"
    blocked.write_text("a file where the folder should be")
    journal = Journal(blocked / "j", SystemClock())
    assert not kept(journal, entry(0))
    blocked.unlink()
    assert not kept(journal, entry(1))
    assert not journal.close()


def test_a_journal_whose_last_flush_has_not_come_back_is_not_closed_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    original = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: goes_on.wait(10) and original(file))
    journal = Journal(tmp_path / "j", SystemClock())
    journal.append([entry(0)])
    assert not journal.close(0.1)
    goes_on.set()
