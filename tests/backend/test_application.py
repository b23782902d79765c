"""The API as its clients see it, over sockets."""

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from raw_client import Client, post_faults, record_of, request, running, stats


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with running(
        WS_THROTTLE_INTERVAL_MS="20", DEMO_TICK_RATE="100", DEMO_ALERT_RATE="50", DEMO_FEED_CHANGE_INTERVAL="0"
    ) as (url, _):
        yield url


@pytest.fixture(autouse=True)
def _no_faults(base: str) -> Iterator[None]:
    yield
    post_faults(base)


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/health", {"status", "database"}),
        ("/api/vn30-components", {"symbols"}),
        ("/api/market/snapshot", {"quotes", "prices", "indices", "foreign", "derivatives"}),
        ("/api/market/foreign-detail", {"summary", "stocks"}),
        ("/api/market/volume-stats", {"stats"}),
    ],
)
def test_a_request_is_answered_and_counted_once(base: str, path: str, keys: set[str]) -> None:
    before = stats(base)["requests"].get(path, {}).get("200", 0)
    status, answer = request(base, path)
    assert (status, set(answer)) == (200, keys)
    assert stats(base)["requests"][path]["200"] == before + 1


def test_health_says_what_the_target_says(base: str) -> None:
    assert request(base, "/health")[1] == {"status": "ok", "database": "connected"}


def test_alerts_are_listed_newest_first_up_to_the_limit(base: str) -> None:
    while len(request(base, "/api/market/alerts?limit=20")[1]) < 20:
        time.sleep(0.01)
    numbers = [int(alert["id"].removeprefix("alert-")) for alert in request(base, "/api/market/alerts?limit=5")[1]]
    assert len(numbers) == 5
    assert numbers == sorted(numbers, reverse=True)
    picked = request(base, "/api/market/alerts?limit=3&severity=info&type=volume_spike")[1]
    assert {(a["severity"], a["alert_type"]) for a in picked} <= {("info", "volume_spike")}


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "severity=loud", "type=rumour"])
def test_alerts_that_do_not_exist_are_refused_every_time(base: str, query: str) -> None:
    assert [request(base, f"/api/market/alerts?{query}")[0] for _ in range(2)] == [422, 422]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/nothing", 404), ("POST", "/api/market/snapshot", 405)]
)
def test_what_does_not_exist_is_said_so(base: str, method: str, path: str, status: int) -> None:
    assert request(base, path, method=method)[0] == status


def test_paths_that_do_not_exist_share_one_count(base: str) -> None:
    for number in range(3):
        request(base, f"/nothing/{number}")
    assert stats(base)["requests"]["(other)"]["404"] >= 3
    assert not any("nothing" in path for path in stats(base)["requests"])


def test_its_clock_is_the_wall_clock(base: str) -> None:
    before = time.time()
    answer = request(base, "/time")[1]
    assert before <= answer["server_time"] <= time.time()


def test_metrics_tell_the_counts(base: str) -> None:
    client = Client(base, "/ws/index")
    client.read_until(2)
    text = request(base, "/metrics")[1].decode()
    assert 'backend_ws_connections{channel="index"} 1\n' in text
    client.close()


@pytest.mark.parametrize(
    ("channel", "keys"),
    [
        ("market", {"quotes", "prices", "indices", "foreign", "derivatives"}),
        (
            "foreign",
            {f"total_{s}_{w}" for s in ("buy", "sell", "net") for w in ("value", "volume")} | {"top_buy", "top_sell"},
        ),
        ("index", {"VN30"}),
        ("alerts", {"id", "alert_type", "severity", "symbol", "message", "timestamp", "data"}),
    ],
)
def test_a_channel_sends_its_object_with_time_and_number(base: str, channel: str, keys: set[str]) -> None:
    before = time.time()
    client = Client(base, f"/ws/{channel}")
    client.read_until(5)
    client.close()
    assert all(set(message) == keys | {"server_time", "seq"} for message in client.data)
    assert client.sequence == list(range(client.sequence[0], client.sequence[0] + len(client.sequence)))
    times = [message["server_time"] for message in client.data]
    assert times == sorted(times)
    assert before < times[0] < times[-1] < time.time()
    assert client.received.status == [True]


def test_all_subscribers_of_a_channel_get_the_same_bytes(base: str) -> None:
    one, other = Client(base, "/ws/market"), Client(base, "/ws/market")
    other.read_until(5)
    one.read_until(5)
    same = [text for text in one.received.texts if text in other.received.texts]
    assert len(same) >= 4
    one.close()
    other.close()


def test_a_throttled_channel_sends_no_faster_than_its_interval(base: str) -> None:
    client = Client(base, "/ws/foreign")
    client.read_until(20)
    client.close()
    times = [message["server_time"] for message in client.data]
    assert 19 * 0.02 - 0.01 < times[-1] - times[0] < 5


def test_what_a_client_sends_is_counted_and_nothing_else_happens(base: str) -> None:
    client = Client(base, "/ws/index")
    for _ in range(3):
        client.protocol.send_text(b"hello")
        client._flush()
    client.read_until(3)
    client.close()
    assert record_of(base, client)["received"] == 3


def fault_effect(base: str, messages: int, *faults: dict[str, Any]) -> tuple[Client, Any]:
    client = Client(base, "/ws/index")
    post_faults(base, *faults)
    client.read_until(messages)
    post_faults(base)
    client.read_until(len(client.received.texts) + 3)
    client.close()
    return client, record_of(base, client)


def test_dropped_messages_are_missing_and_counted(base: str) -> None:
    client, record = fault_effect(base, 20, {"kind": "drop", "probability": 0.5})
    missing = client.sequence[-1] - client.sequence[0] + 1 - len(client.sequence)
    first, last = client.sequence[0], client.sequence[-1]
    assert last - first >= missing > 0
    assert record["published"] - record["written"] == sum(record["dropped"].values()) >= missing


def test_duplicated_messages_come_twice_and_are_counted(base: str) -> None:
    client, record = fault_effect(base, 30, {"kind": "duplicate", "probability": 0.5})
    repeated = len(client.sequence) - len(set(client.sequence))
    assert repeated == record["duplicated"] > 0
    assert record["written"] == len(client.sequence)


def test_swapped_messages_come_in_the_other_order_and_are_counted(base: str) -> None:
    client, record = fault_effect(base, 30, {"kind": "swap", "probability": 0.3})
    inversions = sum(after < before for before, after in pairwise(client.sequence))
    assert inversions == record["swapped"] > 0
    assert sorted(client.sequence) == list(range(min(client.sequence), max(client.sequence) + 1))


def test_delayed_messages_come_late_by_that_much_and_in_order(base: str) -> None:
    client = Client(base, "/ws/index")
    post_faults(base, {"kind": "delay", "size": 0.15})
    client.read_until(8)
    late = []
    for _ in range(20):
        count = len(client.received.texts)
        client.read_until(count + 1)
        late.append(time.time() - json.loads(client.received.texts[count])["server_time"])
    client.close()
    assert min(late) >= 0.15
    assert sorted(late)[5] < 0.16
    assert client.sequence == sorted(client.sequence)
    record = record_of(base, client)
    assert record["delay_s"] == pytest.approx(0.15 * record["delayed"])
    assert record["delayed"] >= 20


def test_a_share_hits_some_connections_and_spares_the_others(base: str) -> None:
    clients = [Client(base, "/ws/index") for _ in range(10)]
    post_faults(base, {"kind": "drop", "share": 0.5})
    end = time.monotonic() + 5
    while time.monotonic() < end and max(record_of(base, c)["dropped"].get("fault", 0) for c in clients) < 5:
        time.sleep(0.01)
    post_faults(base)
    hit = []
    for client in clients:
        client.close()
        hit.append(record_of(base, client)["dropped"].get("fault", 0) > 0)
    assert 4 <= sum(hit) <= 6


def test_error_answers_have_their_status_and_are_counted(base: str) -> None:
    before = stats(base)
    post_faults(base, {"kind": "error", "size": 502, "path": "/api/market/snapshot"})
    assert [request(base, "/api/market/snapshot")[0] for _ in range(3)] == [502] * 3
    assert request(base, "/api/market/volume-stats")[0] == 200
    after = stats(base)
    assert (
        after["requests"]["/api/market/snapshot"]["502"] - before["requests"]["/api/market/snapshot"].get("502", 0) == 3
    )
    assert after["effects"]["error"] - before["effects"].get("error", 0) == 3
    assert after["faults"][0]["drawn"] == 3


def test_a_stall_holds_all_answers_until_its_end(base: str) -> None:
    post_faults(base, {"kind": "stall", "until": 0.4, "path": "/api"})
    start = time.monotonic()
    status, _ = request(base, "/api/vn30-components")
    assert status == 200
    assert 0.35 < time.monotonic() - start < 1.5
    assert request(base, "/api/vn30-components")[0] == 200


def test_a_stall_holds_broadcasts_and_loses_none(base: str) -> None:
    client, record = fault_effect(base, 30, {"kind": "stall", "until": 0.3, "path": "/ws"})
    assert record["stalled"] > 0
    assert client.sequence == list(range(client.sequence[0], client.sequence[-1] + 1))
    assert record["written"] == len(client.sequence)


@pytest.mark.parametrize(("size", "status"), [(None, 503), (403, 403)])
def test_refused_upgrades_get_their_status_and_are_counted(base: str, size: int | None, status: int) -> None:
    before = stats(base)["refused"].get("fault", 0)
    post_faults(base, {"kind": "refuse", "size": size, "path": "/ws"})
    client = Client(base, "/ws/index")
    client.socket.close()
    assert client.status_code == status
    assert stats(base)["refused"]["fault"] == before + 1
    assert request(base, "/api/vn30-components")[0] == 200


def test_refused_requests_get_503(base: str) -> None:
    post_faults(base, {"kind": "refuse", "path": "/api"})
    assert request(base, "/api/vn30-components")[0] == 503
    assert request(base, "/health")[0] == 200  # faults act on /api and /ws only
    assert request(base, "/stats?connections=0")[1]["effects"]["refuse"] >= 1


def test_faults_that_make_no_sense_are_refused_with_a_sentence_and_change_nothing(base: str) -> None:
    post_faults(base, {"kind": "drop", "share": 0.0})
    status, answer = request(base, "/faults", method="POST", body=[{"kind": "drop", "share": 2}])
    assert status == 422
    assert answer["detail"].startswith("fault 0: share: ")
    assert [fault["kind"] for fault in stats(base)["faults"]] == ["drop"]


def test_stats_without_connections_are_only_the_sums(base: str) -> None:
    client = Client(base, "/ws/index")
    client.read_until(1)
    client.close()
    sums = request(base, "/stats?connections=0")[1]
    assert sums["connections"] == []
    assert sums["channels"]["index"]["written"] > 0
    assert [c["client"] for c in request(base, "/stats?connections=1")[1]["connections"]] == [client.address]
