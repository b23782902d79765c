"""dashboard/archive.py: a run's directory and nothing else, whole."""

import io
from pathlib import Path
from zipfile import ZipFile

import pytest

from loadtest.dashboard.archive import PIECE, run_directory, zipped


def read(pieces: list[bytes]) -> ZipFile:
    return ZipFile(io.BytesIO(b"".join(pieces)))


def test_a_zip_holds_every_file_of_the_run_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "r1"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "master.log").write_bytes(b"line\n" * PIECE)  # several pieces
    (folder / "summary.json").write_text("{}")
    (folder / ".report.html.partial").write_text("half")
    with read(list(zipped(folder))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["r1/logs/master.log", "r1/summary.json"]
        assert archive.read("r1/logs/master.log") == b"line\n" * PIECE


def test_a_link_out_of_the_run_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    folder = tmp_path / "runs" / "r1"
    folder.mkdir(parents=True)
    (folder / "summary.json").symlink_to(tmp_path / "secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs" / "r2").symlink_to(tmp_path / "elsewhere")
    with read(list(zipped(folder))) as archive:
        assert archive.namelist() == []
    assert run_directory(tmp_path / "runs", "r2") is None


def test_a_large_file_is_sent_in_pieces(tmp_path: Path) -> None:
    folder = tmp_path / "r1"
    folder.mkdir()
    noise = bytes(range(256)) * 4096
    (folder / "records.journal").write_bytes(noise)
    pieces = list(zipped(folder))
    assert len(pieces) >= len(noise) // PIECE
    assert max(map(len, pieces)) <= 2 * PIECE


@pytest.mark.parametrize("name", ["..", ".", "", "../r1", "r1/logs", "r1/../r1", "/etc", ".hidden", "r1\n", "r\0"])
def test_only_a_run_directly_below_has_files(tmp_path: Path, name: str) -> None:
    (tmp_path / "r1" / "logs").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    assert run_directory(tmp_path, "r1") == tmp_path / "r1"
    assert run_directory(tmp_path, name) is None
