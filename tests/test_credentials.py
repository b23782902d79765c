import hmac
from hashlib import sha256
from pathlib import Path

import pytest

from loadtest.credentials import ClusterKey, cluster_key, secret
from loadtest.errors import UsageError

KEY = "ZkV1m7Hq0eWcT5xYb2nR8sUjL4pAoD9gF3iK6vXtQzM"


def test_a_secret_is_a_variable_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from the file\n")
    assert secret({"NAME": "plain"}, "NAME") == "plain"
    assert secret({"NAME_FILE": str(file)}, "NAME") == "from the file"
    assert secret({"NAME": "", "NAME_FILE": ""}, "NAME") is None
    assert secret({}, "NAME") is None


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), (b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "it is not text")],
)
def test_a_file_that_holds_none_is_said_with_its_name(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=says) as caught:
        secret({"NAME_FILE": str(file)}, "NAME")
    assert str(file) in str(caught.value)


def test_the_variable_wins_over_the_file(tmp_path: Path) -> None:
    assert secret({"NAME": "plain", "NAME_FILE": str(tmp_path / "missing")}, "NAME") == "plain"


def test_both_ends_derive_the_same_two_keys_and_other_keys_give_others() -> None:
    first, again, other = ClusterKey.derive(KEY), ClusterKey.derive(KEY), ClusterKey.derive(KEY[::-1])
    assert first == again
    assert len({first.server, first.client, other.server, other.client}) == 4
    assert all(len(found) == 32 for found in (first.server, first.client))


def test_it_is_hkdf_as_rfc_5869_has_it() -> None:
    extracted = hmac.new(b"loadtest control port v1", KEY.encode(), sha256).digest()
    assert ClusterKey.derive(KEY).server == hmac.new(extracted, b"server\x01", sha256).digest()


@pytest.mark.parametrize(
    "weak",
    ["secret", "x" * 31, "ab" * 40, "0" * 64],  # short; short; long, but of two characters; of one
)
def test_a_key_that_could_be_guessed_is_refused_without_being_shown(weak: str) -> None:
    with pytest.raises(UsageError, match="too weak") as caught:
        ClusterKey.derive(weak)
    assert weak not in str(caught.value)


def test_nothing_that_is_printed_shows_a_key() -> None:
    key = ClusterKey.derive(KEY)
    assert repr(key.server) not in repr(key)
    assert str(key) == "ClusterKey()"


def test_the_environment_may_have_no_key() -> None:
    assert cluster_key({}) is None
    assert cluster_key({"LOADTEST_CLUSTER_KEY": KEY}) == ClusterKey.derive(KEY)


def test_a_secret_that_stands_where_its_file_should_is_not_told() -> None:
    with pytest.raises(UsageError) as refused:
        secret({"LOADTEST_CLUSTER_KEY_FILE": "c4n4ry-c4n4ry-c4n4ry-c4n4ry-c4n4ry"}, "LOADTEST_CLUSTER_KEY")
    assert "c4n4ry" not in str(refused.value)
    assert "LOADTEST_CLUSTER_KEY_FILE" in str(refused.value)
