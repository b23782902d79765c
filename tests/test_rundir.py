"""rundir.py: files that are whole or not there, and a disk that fails without harm."""

import errno
import os
from pathlib import Path

import pytest
from full_disk import full_disk

from loadtest.rundir import RunDirectory


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "r1")
    assert directory.write("a.txt", "first\n")
    assert directory.write("a.txt", "second\n")
    assert directory.write_json("b.json", {"ü": [1]})
    assert (tmp_path / "r1/a.txt").read_text() == "second\n"
    assert (tmp_path / "r1/b.json").read_text("utf-8") == '{\n  "ü": [\n    1\n  ]\n}\n'
    assert sorted(path.name for path in (tmp_path / "r1").iterdir()) == ["a.txt", "b.json"]


def test_a_full_disk_leaves_the_file_that_was_there_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = RunDirectory(tmp_path / "r1")
    assert directory.write("a.txt", "short")
    with full_disk(1000):
        assert not directory.write("a.txt", "x" * 5000)
        assert not directory.write("a.txt", "x" * 5000)
    assert (tmp_path / "r1/a.txt").read_text() == "short"
    assert [path.name for path in (tmp_path / "r1").iterdir()] == ["a.txt"]  # nothing half-written is left
    assert directory.failed == {"a.txt": os.strerror(errno.EFBIG)}
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/r1/a.txt could not be written: File too large"
    ]


def test_a_disk_that_works_again_is_told_and_forgiven(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = RunDirectory(tmp_path / "r1")
    with full_disk(10):
        assert not directory.write("a.txt", "x" * 5000)
    assert directory.write("a.txt", "x" * 5000)
    assert directory.failed == {}
    assert "a.txt is written again" in caplog.text


@pytest.mark.parametrize(
    "block",
    [
        lambda out: out.write_text("a file where the directory should be"),
        lambda out: out.symlink_to("/proc/nowhere"),  # nobody can make a directory there, not even root
    ],
    ids=["a file", "a link to nowhere"],
)
def test_a_place_that_cannot_be_written_is_reported_and_raises_nothing(
    block: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "runs"
    assert callable(block)
    block(out)
    assert not RunDirectory(out / "r1").write("a.txt", "x")
    assert "a.txt could not be written" in caplog.text
