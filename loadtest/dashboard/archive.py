"""A run's directory as a zip, made while it is sent: nothing of it is kept, on disk or in memory."""

import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

__all__ = ["run_directory", "zipped"]

PIECE = 1 << 16
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
"""What a run may be called. No separator and no leading dot: it names a directory directly below."""


def run_directory(out: Path, run_id: str) -> Path | None:
    """The directory of a run, or None if there is no such run. A link to somewhere else is none."""
    folder = out / run_id
    if not NAME.fullmatch(run_id) or folder.is_symlink() or not folder.is_dir():
        return None
    return folder


class _Sent:
    """Takes what ZipFile writes; `take()` hands it on. It can't seek, so ZipFile puts sizes after the files."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes, /) -> int:
        self._data += data
        return len(data)

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def take(self) -> bytes:
        data, self._data = bytes(self._data), bytearray()
        return data


def zipped(folder: Path) -> Iterator[bytes]:
    """The zip of a folder, in pieces: regular files only, under the folder's name, partly written ones left out."""
    sent = _Sent()
    with ZipFile(sent, "w", ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or path.name.endswith(".partial"):
                continue
            info = ZipInfo.from_file(path, f"{folder.name}/{path.relative_to(folder).as_posix()}")
            info.compress_type = ZIP_DEFLATED
            yield from _added(archive, info, path, sent)
    yield sent.take()


def _added(archive: ZipFile, info: ZipInfo, path: Path, sent: _Sent) -> Iterator[bytes]:
    """One file: as much as there was of it when we began, for the journal of a running run grows."""
    left = info.file_size
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
        while left > 0 and (piece := source.read(min(PIECE, left))):
            target.write(piece)
            left -= len(piece)
            yield sent.take()
