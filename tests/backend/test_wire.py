"""The witness against a client of its own: raw counts, equal, whoever closes and whenever."""

import random
import socket
import time
from collections.abc import Iterator
from itertools import pairwise

import gevent
import pytest
from raw_client import Client, post_faults, record_of, request, running, stats
from websockets.frames import Frame, Opcode

from backend.wire import binary_frame, text_frame

FAST = {
    "WS_THROTTLE_INTERVAL_MS": "0",
    "DEMO_TICK_RATE": "100",
    "DEMO_ALERT_RATE": "500",
    "WS_HEARTBEAT_INTERVAL": "0.05",
    "WS_QUEUE_SIZE": "5",
    "DEMO_FEED_CHANGE_INTERVAL": "0.5",
}
"""Broadcasts as fast as one core makes them, with heartbeats and status messages among them."""


@pytest.fixture(scope="module")
def fast() -> Iterator[str]:
    with running(**FAST) as (base, _):
        yield base


def check(base: str, client: Client) -> None:
    """Compare what the witness counted for a closed connection with what its client received."""
    record, received = record_of(base, client), client.received
    counted = (record["written"], record["heartbeats"], record["status"])
    assert counted == (len(received.texts), received.pings, len(received.status))
    assert record["published"] + record["duplicated"] == record["written"] + sum(record["dropped"].values())
    assert record["waiting"] == 0


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_a_frame_is_what_the_websockets_library_makes_of_it(length: int) -> None:
    payload = b"x" * length
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)
    assert binary_frame(payload) == Frame(Opcode.BINARY, payload).serialize(mask=False)


def check_clients_that_close_at_random(base: str) -> None:
    clients: list[Client] = []

    def live_once(seed: int) -> None:
        draw = random.Random(seed)
        channel = draw.choice(["market", "foreign", "index", "alerts"])
        client = Client(base, f"/ws/{channel}", receive_buffer=4096 if seed % 3 else 0)
        client.read_until(draw.randint(0, 40))
        gevent.sleep(draw.choice([0, 0, draw.uniform(0, 0.3)]))
        client.close(draw.choice([1000, 1001, 4000]))
        clients.append(client)

    gevent.joinall([gevent.spawn(live_once, seed) for seed in range(120)], raise_error=True)
    assert len(clients) == 120
    assert all(client.received.closed for client in clients)
    for client in clients:
        check(base, client)
    channels = stats(base)["channels"].values()
    assert sum(channel["written"] for channel in channels) == sum(len(c.received.texts) for c in clients)


def test_a_client_that_closes_at_any_moment_got_exactly_what_was_written() -> None:
    with running(**FAST) as (base, _):
        check_clients_that_close_at_random(base)


def test_it_got_exactly_what_was_written_under_plain_uvicorn_and_asyncio_too() -> None:
    command = ("-m", "uvicorn", "backend.app:app", "--loop", "asyncio", "--no-access-log", "--no-use-colors")
    with running(*command, **FAST) as (base, _):
        check_clients_that_close_at_random(base)


def missing(client: Client) -> int:
    """Count the numbers left out between the first message and the last."""
    return sum(after - before - 1 for before, after in pairwise(client.sequence))


def test_a_client_that_is_too_slow_got_exactly_what_its_queue_let_through(fast: str) -> None:
    clients = [Client(fast, "/ws/market", receive_buffer=4096) for _ in range(3)]
    while min(record_of(fast, client)["dropped"].get("queue_full", 0) for client in clients) < 10:
        gevent.sleep(0.05)
    for client in clients:
        while not missing(client):
            client.read()
        client.close()
        check(fast, client)
        assert missing(client) <= record_of(fast, client)["dropped"]["queue_full"]


@pytest.mark.parametrize(("size", "by", "code"), [(4001, "server", 4001), (None, "server", None)])
def test_a_client_that_is_cut_off_got_exactly_what_was_written(
    fast: str, size: int | None, by: str, code: int | None
) -> None:
    clients = [Client(fast, f"/ws/{channel}") for channel in ("market", "index", "alerts") * 10]
    post_faults(fast, {"kind": "cut", "probability": 0.1, "path": "/ws", "size": size})
    gevent.joinall([gevent.spawn(client.read_to_end) for client in clients], raise_error=True)
    post_faults(fast)
    for client in clients:
        check(fast, client)
        assert client.received.closed is (code is not None)
        assert record_of(fast, client)["closed"] == {"by": by, "code": code, "why": "cut"}
        assert record_of(fast, client)["dropped"]["cut"] == 1


def test_a_client_got_exactly_what_was_written_when_the_backend_ends() -> None:
    with running(**FAST) as (base, process):
        clients = [Client(base, "/ws/index") for _ in range(20)]
        for client in clients:
            client.read_until(10)
        process.terminate()
        gevent.joinall([gevent.spawn(client.read_to_end) for client in clients], raise_error=True)
        assert process.wait(5) == 0
        assert all(client.received.closed for client in clients)
        assert {client.protocol.close_code for client in clients} == {1012}
        assert all(client.sequence == list(range(client.sequence[0], client.sequence[-1] + 1)) for client in clients)


def test_what_comes_after_a_half_closed_stream_is_not_counted_as_written(fast: str) -> None:
    client = Client(fast, "/ws/alerts")
    client.read_until(5)
    client.socket.shutdown(socket.SHUT_WR)
    client.read_to_end()
    check(fast, client)
    assert record_of(fast, client)["closed"]["by"] == "network"


def test_compressed_messages_are_counted_alike() -> None:
    with running(**FAST, DEMO_COMPRESSION="1") as (base, _):
        client = Client(base, "/ws/market", compression=True)
        assert client.protocol.extensions
        client.read_until(10)
        client.close()
        check(base, client)
        assert "quotes" in client.data[0]


def test_compression_is_not_agreed_to_unless_it_was_asked_for(fast: str) -> None:
    client = Client(fast, "/ws/market", compression=True)
    assert not client.protocol.extensions
    client.close()


def test_an_answer_nobody_waits_for_is_not_counted_as_answered(fast: str) -> None:
    post_faults(fast, {"kind": "stall", "size": 0.3, "until": 0.2})
    for stalled in range(3):
        impatient = socket.create_connection(fast.removeprefix("http://").split(":"), 5)
        impatient.sendall(b"GET /api/vn30-components HTTP/1.1\r\nHost: x\r\n\r\n")
        while stats(fast)["effects"].get("stall", 0) <= stalled:
            time.sleep(0.001)
        impatient.close()
    assert request(fast, "/api/vn30-components")[0] == 200
    while sum(stats(fast)["abandoned"].values()) < 3:
        time.sleep(0.01)
    assert stats(fast)["requests"]["/api/vn30-components"] == {"200": 1}
    assert stats(fast)["abandoned"] == {"/api/vn30-components": 3}
