from backend.stats import MessageCounts, Stats


def counted(kept: int = 10) -> Stats:
    stats = Stats(["market", "index"], 0.0, kept)
    for number in (1, 2, 3):
        record = stats.opened("market", "/ws/market", f"127.0.0.1:{number}", 1.0)
        record.counts.published = 10 * number
        record.counts.written = 10 * number - 1
        record.counts.dropped["fault"] = 1
        if number < 3:
            stats.closed(record, "client", 1000, 2.0)
    return stats


def test_the_sums_of_a_channel_contain_open_and_closed_connections() -> None:
    counts, waiting, connections = counted().messages("market")
    assert (counts.published, counts.written, dict(counts.dropped)) == (60, 57, {"fault": 3})
    assert (waiting, connections) == (0, 1)


def test_the_sums_are_exact_when_the_details_are_no_longer_kept() -> None:
    market = counted(kept=1).to_json(3.0)["channels"]["market"]
    assert (market["published"], market["written"], market["accepted"], market["open"]) == (60, 57, 3, 1)
    assert market["closed"] == {"client 1000": 2}


def test_only_the_last_closed_connections_are_kept_in_detail() -> None:
    assert [c["id"] for c in counted(kept=1).to_json(3.0)["connections"]] == [2, 3]


def test_connections_are_listed_oldest_first_up_to_a_number() -> None:
    stats = counted()
    assert [[c["id"] for c in stats.to_json(3.0, n)["connections"]] for n in (None, 2, 0)] == [[1, 2, 3], [2, 3], []]


def test_another_channel_has_none_of_it() -> None:
    assert counted().messages("index") == (MessageCounts(), 0, 0)


def test_a_closed_connection_says_who_closed_it() -> None:
    first, _, third = counted().to_json(3.0)["connections"]
    assert first["closed"] == {"by": "client", "code": 1000, "why": None}
    assert (third["closed"], third["closed_at"]) == (None, None)


def test_an_end_without_a_close_is_the_servers_if_it_had_a_reason() -> None:
    stats = Stats(["market"], 0.0, 10)
    for why in (None, "cut"):
        record = stats.opened("market", "/ws/market", "127.0.0.1:1", 0.0)
        record.why = why
        stats.closed(record, "network", None, 1.0)
    assert stats.channels["market"].closed == {"network": 1, "server": 1}


def test_requests_are_told_by_path_and_status() -> None:
    stats = counted()
    stats.requests["/api/a", 200] = 5
    stats.requests["/api/a", 500] = 2
    assert stats.to_json(3.0)["requests"] == {"/api/a": {"200": 5, "500": 2}}
