from collections.abc import Iterator
from itertools import pairwise

import gevent
import pytest
from raw_client import Client, record_of, request, running, stats


@pytest.fixture(scope="module")
def lively() -> Iterator[str]:
    """A backend where much happens besides data."""
    settings = {"WS_HEARTBEAT_INTERVAL": "0.1", "DEMO_FEED_CHANGE_INTERVAL": "0.3", "DEMO_TICK_RATE": "50"}
    with running(WS_THROTTLE_INTERVAL_MS="20", **settings) as (base, _):
        yield base


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """A backend that wants the token `right one`."""
    with running(WS_AUTH_TOKEN="right one") as (base, _):  # noqa: S106 - a test's
        yield base


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?token=right%20one", 101),
        ("?other=1&token=right%20one", 101),
        ("?token=wrong", 403),
        ("?token=", 403),
        ("", 403),  # missing
    ],
)
def test_a_token_is_wanted_before_the_upgrade(guarded: str, query: str, status: int) -> None:
    before = stats(guarded)["refused"].get("token", 0)
    client = Client(guarded, f"/ws/market{query}")
    assert client.status_code == status
    client.socket.close()
    assert stats(guarded)["refused"].get("token", 0) == before + (status == 403)
    assert "right" not in str(stats(guarded))


def test_rest_wants_no_token(guarded: str) -> None:
    assert request(guarded, "/api/vn30-components")[0] == 200


def test_an_address_has_a_limit_and_a_closed_connection_makes_room() -> None:
    with running(WS_MAX_CONNECTIONS_PER_IP="2") as (base, _):
        first, second, third = (Client(base, "/ws/index") for _ in range(3))
        assert [c.status_code for c in (first, second, third)] == [101, 101, 403]
        third.socket.close()
        first.close()
        while stats(base)["channels"]["index"]["open"] > 1:
            gevent.sleep(0.01)
        fourth = Client(base, "/ws/market")
        assert fourth.status_code == 101
        assert stats(base)["refused"] == {"limit": 1}
        second.close()
        fourth.close()


def test_a_channel_that_does_not_exist_is_refused(lively: str) -> None:
    client = Client(lively, "/ws/gossip")
    client.socket.close()
    assert client.status_code == 403
    assert stats(lively)["refused"] == {"path": 1}


def test_subscribers_are_told_when_the_feed_goes_down_and_comes_back(lively: str) -> None:
    client = Client(lively, "/ws/market")
    while len(client.received.status) < 3:
        client.read()
    client.close()
    told = client.received.status
    assert all(before is not after for before, after in pairwise(told))
    assert record_of(lively, client)["status"] == len(told)


def test_a_heartbeat_comes_once_per_interval(lively: str) -> None:
    client = Client(lively, "/ws/foreign")
    while client.received.pings < 5:
        client.read()
    client.close()
    record = record_of(lively, client)
    assert record["heartbeats"] == client.received.pings == 5
    assert 0.45 < record["closed_at"] - record["opened_at"] < 1.5


def test_a_client_that_takes_no_heartbeat_in_time_is_given_up() -> None:
    settings = {
        "WS_THROTTLE_INTERVAL_MS": "0",
        "DEMO_TICK_RATE": "300",
        "WS_HEARTBEAT_INTERVAL": "0.2",
        "WS_HEARTBEAT_TIMEOUT": "0.3",
    }
    with running(**settings) as (base, _):
        client = Client(base, "/ws/market", receive_buffer=4096)
        while not (closed := record_of(base, client)["closed"]):
            gevent.sleep(0.05)
        assert closed == {"by": "server", "code": None, "why": "heartbeat timeout"}
        client.socket.close()


def test_a_client_that_vanishes_is_counted_as_closed_by_the_network(lively: str) -> None:
    client = Client(lively, "/ws/index")
    client.read_until(1)
    client.socket.close()
    while not (closed := record_of(lively, client)["closed"]):
        gevent.sleep(0.01)
    assert closed == {"by": "network", "code": None, "why": None}


def test_the_close_code_of_a_client_is_told(lively: str) -> None:
    client = Client(lively, "/ws/index")
    client.close(4321)
    assert record_of(lively, client)["closed"] == {"by": "client", "code": 4321, "why": None}
