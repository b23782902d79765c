"""The second implementation of the API, which tests compare results with: its counts must be exact too."""

import json

import gevent
from raw_client import Client, request, running

BARE = "tests/support/bare_backend.py"


def test_its_report_is_what_its_clients_received() -> None:
    with running(BARE, WS_THROTTLE_INTERVAL_MS="5", WS_HEARTBEAT_INTERVAL="0.05") as (base, process):
        clients = [Client(base, f"/ws/{channel}") for channel in ("market", "foreign", "index", "alerts") * 5]

        def live(client: Client, messages: int) -> None:
            client.read_until(messages)
            client.close() if messages % 2 else client.read_to_end()

        greenlets = [gevent.spawn(live, client, number) for number, client in enumerate(clients)]
        gevent.joinall(greenlets[1::2], raise_error=True)
        for _ in range(3):
            assert request(base, "/api/market/snapshot")[0] == 200
        process.terminate()
        gevent.joinall(greenlets, raise_error=True)
        assert process.stdout is not None
        report = json.loads(process.stdout.read())
        assert process.wait(5) == 0
    assert report["requests"] == {"/api/market/snapshot": 3}
    assert len(report["connections"]) == 20
    by_client = {connection["client"]: connection for connection in report["connections"]}
    for client in clients:
        received = client.received
        told = by_client[client.address]
        assert (told["written"], told["heartbeats"]) == (len(received.texts), received.pings)
        assert received.status == [True]
        assert received.closed
    assert sum(report["written"].values()) == sum(len(client.received.texts) for client in clients)


def test_it_speaks_the_public_api_and_nothing_else() -> None:
    with running(BARE, WS_THROTTLE_INTERVAL_MS="10") as (base, _):
        assert set(request(base, "/api/market/snapshot")[1]) == {
            "quotes",
            "prices",
            "indices",
            "foreign",
            "derivatives",
        }
        assert set(request(base, "/api/market/foreign-detail")[1]) == {"summary", "stocks"}
        assert len(request(base, "/api/vn30-components")[1]["symbols"]) == 30
        assert request(base, "/api/market/alerts?limit=0")[0] == 422
        client = Client(base, "/ws/market")
        client.read_until(1)
        client.close()
        assert set(client.data[0]) == {"quotes", "prices", "indices", "foreign", "derivatives"}
        for path in ("/time", "/stats", "/faults"):
            assert request(base, path)[0] == 404


def test_it_wants_its_token() -> None:
    with running(BARE, WS_AUTH_TOKEN="right") as (base, _):  # noqa: S106 - a test's
        for query, status in {"?token=right": 101, "?token=wrong": 403, "": 403}.items():
            client = Client(base, f"/ws/market{query}")
            assert client.status_code == status
            client.socket.close()
