from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Outcome

from loadtest.credentials import ClusterKey
from loadtest.errors import ExitCode

Call = Callable[..., Outcome]


def test_it_prints_a_key_that_a_cluster_takes_and_never_the_same(call: Call) -> None:
    first, second = call("key"), call("key")
    assert first.code is ExitCode.PASS
    assert ClusterKey.derive(first.stdout.strip()) != ClusterKey.derive(second.stdout.strip())


def test_a_file_is_for_its_owner_alone_and_the_key_is_not_printed(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "cluster-key"
    outcome = call("key", str(file))
    assert outcome.code is ExitCode.PASS
    assert file.stat().st_mode & 0o777 == 0o400
    assert file.read_text().strip() not in outcome.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["cluster-key"]


def test_several_files_get_keys_of_their_own_and_their_group_may_read_them(call: Call, tmp_path: Path) -> None:
    files = [tmp_path / "key", tmp_path / "token"]
    assert call("key", "--group", *map(str, files)).code is ExitCode.PASS
    assert [file.stat().st_mode & 0o777 for file in files] == [0o440, 0o440]
    assert files[0].read_text() != files[1].read_text()


def test_a_key_that_is_there_is_kept(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "cluster-key"
    call("key", str(file))
    before = file.read_text()
    assert call("key", str(file)).code is ExitCode.PASS
    assert file.read_text() == before


@pytest.mark.parametrize(("content", "says"), [("", "is empty"), ("short", "too weak")])
def test_a_file_that_holds_something_else_is_refused(call: Call, tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "cluster-key"
    file.write_text(content)
    outcome = call("key", str(file))
    assert outcome.code is ExitCode.BAD_CONFIGURATION
    assert says in outcome.stderr


def test_a_folder_that_is_not_there_is_said(call: Call, tmp_path: Path) -> None:
    outcome = call("key", str(tmp_path / "no" / "key"))
    assert outcome.code is ExitCode.BAD_CONFIGURATION
    assert "can't be written: No such file or directory" in outcome.stderr
