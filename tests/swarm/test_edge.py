import errno

import pytest

from loadtest.swarm import edge
from loadtest.swarm.edge import lost, report


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (errno.ECONNRESET, "connection reset"),  # the peer's RST
        (errno.ETIMEDOUT, "connection timed out"),  # retransmissions went unanswered
        (errno.EHOSTUNREACH, "connection lost: unreachable"),  # the route went away
        (errno.EIO, "connection lost"),  # whatever else
    ],
)
def test_what_ends_a_connection_has_a_name_without_addresses(code: int, name: str) -> None:
    assert lost(OSError(code, "10.0.0.1:80")) == name


def test_a_bug_is_logged_once_for_each_kind_and_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "_logged", set())
    names = [report(exc) for exc in (KeyError("a"), KeyError("b"), ValueError("id 17"))]
    assert names == ["internal error: KeyError", "internal error: KeyError", "internal error: ValueError"]
    assert len(caplog.records) == 2
