import errno
import socket
from collections.abc import Callable

import pytest

from loadtest.cli import targets
from loadtest.cli.targets import await_targets
from loadtest.errors import TargetError


class Hands:
    """A clock whose hands are moved by `pause`, which may do something as well."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.now = 0.0
        self.meanwhile = meanwhile

    def monotonic(self) -> float:
        return self.now

    wall = monotonic

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


def wait(*urls: str, hands: Hands | None = None) -> Hands:
    hands = hands or Hands()
    await_targets(urls, hands.sleep, 5.0, hands)
    return hands


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_target_that_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [server.getsockname()[1] for server in (one, other)]
        assert wait(*(f"http://127.0.0.1:{port}" for port in ports)).now == 0.0


def test_a_target_that_starts_meanwhile_is_waited_for() -> None:
    port = free_port()
    servers: list[socket.socket] = []
    hands = Hands(lambda: servers.append(socket.create_server(("127.0.0.1", port))))
    wait(f"http://127.0.0.1:{port}", hands=hands)
    servers[0].close()
    assert hands.now == targets.RETRY_S


def test_the_target_that_is_silent_is_named_with_what_to_check() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(TargetError) as raised:
        wait(f"http://127.0.0.1:{server.getsockname()[1]}", f"http://127.0.0.1:{port}")
    lines = str(raised.value).splitlines()
    assert lines[:2] == [
        "nothing answers at the target, tried for 5 s:",
        f"  http://127.0.0.1:{port} (127.0.0.1 port {port}: connection refused)",
    ]
    assert lines[2].startswith("Is the server running")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "x.example port 443: no answer within 2 s"),
        (
            socket.gaierror(-2, "Name or service not known"),
            "the name x.example is not known: name or service not known",
        ),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "x.example port 443: network is unreachable"),
        (UnicodeError("label too long"), "x.example port 443: label too long"),  # of Python's IDNA codec
    ],
)
def test_every_failure_has_its_words(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    with pytest.raises(TargetError) as raised:
        wait("https://x.example")
    assert f"({words})" in str(raised.value)


def test_an_ipv6_address_is_connected_to_without_its_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    def note(address: object, _: float) -> socket.socket:
        tried.append(address)
        return socket.socket()

    monkeypatch.setattr(socket, "create_connection", note)
    wait("http://[::1]:8000", "http://x.example")
    assert tried == [("::1", 8000), ("x.example", 80)]
