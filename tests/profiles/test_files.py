from pathlib import Path

import pytest

from loadtest.errors import ProfileError
from loadtest.profiles import discover, find, load_file

TEXT = "name: a\ntarget: {url: demo}\nusers: {s: {websocket: /x}}\nload: [{step: 1}, {hold: 1s}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("smoke.yaml", "market.yml", "market.yaml", ".hidden.yaml", "notes.txt"):
        (tmp_path / name).write_text(TEXT)
    (tmp_path / "folder.yaml").mkdir()
    return tmp_path


def refusal(path: Path) -> str:
    with pytest.raises(ProfileError) as caught:
        load_file(path)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_a_folders_profiles_are_found_by_name(folder: Path) -> None:
    assert discover(folder) == {"market": folder / "market.yaml", "smoke": folder / "smoke.yaml"}
    assert discover(folder / "nowhere") == {}


def test_a_file_is_read(folder: Path) -> None:
    assert load_file(folder / "smoke.yaml").name == "a"


def test_a_byte_order_mark_is_no_content(folder: Path) -> None:
    (folder / "bom.yaml").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert load_file(folder / "bom.yaml").name == "a"


def test_mistakes_are_told_with_the_files_name(folder: Path) -> None:
    (folder / "bad.yaml").write_text(TEXT + "seed: x\n")
    assert refusal(folder / "bad.yaml") == f"{folder}/bad.yaml:5: seed: must be a whole number"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("smok.yaml", None, ": there is no such file; did you mean smoke.yaml?"),
        ("zzz.yaml", None, ": there is no such file; there are market.yaml, smoke.yaml"),
        ("deeper/zzz.yaml", None, ": there is no such file, nor any other"),
        ("big.yaml", b"#" * 10_000_000, ": is too big: a profile has at most 256 KiB"),
        ("latin.yaml", b"name: a\n# \xe9t\xe9\n", ":2: is not UTF-8: byte 0xe9 can't be there"),
        ("wide.yaml", "name: a".encode("utf-16"), ":1: is not UTF-8: byte 0xff can't be there"),
        ("nul.yaml", b"name: a\nseed: \0\n", ":2:7: a NUL byte can't be in a profile"),
        ("empty.yaml", b"", ": is empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(
    folder: Path, name: str, content: bytes | None, told: str
) -> None:
    path = folder / name
    if content is not None:
        path.write_bytes(content)
    assert refusal(path) == f"{path}{told}"


def test_what_can_be_no_files_name_is_not_opened() -> None:
    assert refusal(Path("a\0b.yaml")) == "'a\\x00b.yaml': is no file's name"


def test_a_folder_is_no_profile_but_may_hold_some(folder: Path) -> None:
    assert refusal(folder) == f"{folder}: is a folder, not a profile; there are market, smoke"


def test_a_profile_can_be_named_or_pointed_at(folder: Path) -> None:
    environ = {"LOADTEST_PROFILES": str(folder)}
    assert find("smoke", environ) == folder / "smoke.yaml"
    assert find(str(folder / "smoke.yaml"), environ) == folder / "smoke.yaml"
    assert find("elsewhere/x.yaml", environ) == Path("elsewhere/x.yaml")  # load_file says that it isn't there


def test_a_name_that_no_profile_has_brings_up_a_likely_one(folder: Path) -> None:
    with pytest.raises(ProfileError, match=r"smok: there is no such profile in .*; did you mean smoke\?"):
        find("smok", {"LOADTEST_PROFILES": str(folder)})
