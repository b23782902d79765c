from backend.metrics import render
from backend.stats import Stats


def test_every_count_is_told_with_its_value() -> None:
    stats = Stats(["market"], 0.0, 10)
    stats.requests["/health", 200] = 3
    stats.refused["token"] = 2
    stats.channels["market"].broadcasts = 7
    for _ in range(2):
        record = stats.opened("market", "/ws/market", "127.0.0.1:1", 0.0)
        record.counts.published, record.counts.written = 6, 4
        record.counts.dropped["queue_full"] = 2
    stats.closed(record, "client", 1000, 1.0)
    samples = [line for line in render(stats).splitlines() if not line.startswith("#")]
    assert samples == [
        'backend_http_requests_total{path="/health",status="200"} 3',
        'backend_ws_refused_total{reason="token"} 2',
        'backend_ws_connections{channel="market"} 1',
        'backend_ws_accepted_total{channel="market"} 2',
        'backend_ws_broadcasts_total{channel="market"} 7',
        'backend_ws_messages_published_total{channel="market"} 12',
        'backend_ws_messages_written_total{channel="market"} 8',
        'backend_ws_messages_dropped_total{channel="market",reason="queue_full"} 4',
    ]


def test_every_family_has_its_help_and_type_before_it() -> None:
    lines = render(Stats(["market"], 0.0, 10)).splitlines()
    assert lines[0] == "# HELP backend_http_requests_total Requests answered."
    assert lines[1] == "# TYPE backend_http_requests_total counter"
    assert lines.count("# TYPE backend_ws_connections gauge") == 1
