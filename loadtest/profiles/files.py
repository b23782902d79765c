"""Profiles as files: which ones a folder holds, which one a name means, and reading one. Text is `reading`'s."""

from collections.abc import Mapping
from pathlib import Path

from loadtest.errors import ProfileError
from loadtest.profiles.document import MAX_BYTES
from loadtest.profiles.overrides import Overrides
from loadtest.profiles.profile import Profile
from loadtest.profiles.reading import NOTHING, UNCHANGED, load
from loadtest.profiles.wording import did_you_mean

__all__ = ["DEFAULT_FOLDER", "discover", "find", "load_file"]

DEFAULT_FOLDER = "profiles"
_SUFFIXES = (".yaml", ".yml")


def discover(directory: str | Path) -> dict[str, Path]:
    """Name -> file for every profile in `directory`, by name; nothing where there is no such folder."""
    folder = Path(directory)
    files = [path for path in folder.iterdir() if path.suffix in _SUFFIXES] if folder.is_dir() else []
    ordered = sorted(files, key=lambda path: (path.stem, path.suffix), reverse=True)
    found = {path.stem: path for path in ordered if not path.name.startswith(".") and path.is_file()}
    return dict(sorted(found.items()))


def find(wanted: str, environ: Mapping[str, str] = NOTHING) -> Path:
    """Return the file that `wanted` means: a path, or the name of a profile in LOADTEST_PROFILES (`profiles/`).

    Raises ProfileError where nothing is called that.
    """
    path = Path(wanted)
    if path.suffix in _SUFFIXES or len(path.parts) != 1 or path.is_file():
        return path
    folder = environ.get("LOADTEST_PROFILES") or DEFAULT_FOLDER
    known = discover(folder)
    if wanted not in known:
        raise ProfileError([f"{wanted}: there is no such profile in {folder}{_others(wanted, known)}"])
    return known[wanted]


def load_file(path: str | Path, environ: Mapping[str, str] = NOTHING, overrides: Overrides = UNCHANGED) -> Profile:
    """Read the profile in a file. Raises ProfileError, also for a file that can't be read."""
    return load(_text(Path(path)), path=str(path), environ=environ, overrides=overrides)


def _others(wanted: str, known: Mapping[str, Path]) -> str:
    near = did_you_mean(wanted, known)
    if near:
        return f"; did you mean {near}?"
    return f"; there are {', '.join(known)}" if known else ", nor any other"


def _text(path: Path) -> str:
    if path.is_dir():
        raise ProfileError([f"{path}: is a folder, not a profile{_others('', discover(path))}"])
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        known = {file.name: file for file in discover(path.parent).values()}
        raise ProfileError([f"{path}: there is no such file{_others(path.name, known)}"]) from None
    except OSError as error:
        raise ProfileError([f"{path}: can't be read: {(error.strerror or 'no reason given').lower()}"]) from None
    except ValueError:  # what open() says to a NUL byte in a name
        raise ProfileError([f"{str(path)!r}: is no file's name"]) from None
    if len(raw) > MAX_BYTES:
        raise ProfileError([f"{path}: is too big: a profile has at most {MAX_BYTES // 1024} KiB"])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ProfileError([f"{path}:{line}: is not UTF-8: byte 0x{raw[error.start]:02x} can't be there"]) from None
