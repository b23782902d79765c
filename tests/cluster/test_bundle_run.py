"""What a real run leaves on disk: every file, saying the same; a snapshot of a killed master; a disk that fails."""

import csv
import json
from pathlib import Path
from typing import Any

import junitparser
import pytest
import yaml
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from programs import Cluster, assert_counts_equal, demo_backend, loadtest_run, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

CANARY = "canary-4711"

PROFILE: dict[str, Any] = {
    "name": "left",
    "target": {"url": "demo", "clock": "/time", "token": "${WS_AUTH_TOKEN:-}"},
    "users": {
        "subscribers": {
            "websocket": "/ws/market",
            "send_time": {"field": "server_time"},
            "not_data": [{"keys": ["type"]}],
        },
        "pollers": {"pace": {"every": "100ms"}, "requests": [{"get": "/api/market/snapshot"}]},
    },
    "load": [{"ramp": 8, "over": "2s"}, {"hold": "4s"}],
    "slo": ["errors < 1%", "rest response p95 < 5s"],
}


def written(tmp_path: Path, **changes: object) -> Path:
    path = tmp_path / "left.yaml"
    path.write_text(yaml.safe_dump({**PROFILE, **changes}))
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def samples_in(log: Path, tag: str) -> int:
    """How many times the official reader finds under a tag."""
    reader, count = HistogramLogReader(str(log), HdrHistogram(1, 600_000_000_000, 3)), 0
    while (interval := reader.get_next_interval_histogram()) is not None:
        count += interval.get_total_count() if interval.get_tag() == tag else 0
    reader.close()
    return count


def test_every_file_of_a_run_says_what_the_backend_says(tmp_path: Path) -> None:
    with demo_backend({"WS_AUTH_TOKEN": CANARY}) as server:
        run = loadtest_run(written(tmp_path), tmp_path / "runs", "--target", server.url, WS_AUTH_TOKEN=CANARY)
        assert run.code == 0, run.output
        assert_counts_equal(run, server.stats(), {"subscribers": "market"})
    folder = run.directory
    assert folder is not None
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("summary.json", "summary.txt", "report.html", "junit.xml", "timeline.csv", "histograms.hlog", "profile.yaml"),
        *("locust_stats.csv", "locust_failures.csv", "locust_exceptions.csv", "locust_stats_history.csv"),
        *("records.journal", "run.log", "logs"),
    }
    messages, requests = run.counted("subscribers", "messages"), run.counted("pollers", "requests")
    timeline = rows(folder / "timeline.csv")
    assert sum(int(row["messages"]) for row in timeline) == messages > 0
    assert sum(int(row["requests"]) for row in timeline) == requests > 0
    assert max(int(row["users"]) for row in timeline) == 8
    assert {row["phase"] for row in timeline} >= {"ramp-up", "plateau"}
    table = {(row["Type"], row["Name"]): int(row["Request Count"]) for row in rows(folder / "locust_stats.csv")}
    assert table["GET", "/api/market/snapshot"] == requests
    assert table["WS", "delivery /ws/market"] == messages
    last = rows(folder / "locust_stats_history.csv")[-1]
    assert int(last["Total Request Count"]) == sum(table.values()) - table["", "Aggregated"]
    assert samples_in(folder / "histograms.hlog", "pollers/response/GET_/api/market/snapshot") == requests
    (suite,) = junitparser.JUnitXml.fromfile(str(folder / "junit.xml"))
    assert [(case.name, case.result) for case in suite] == [(name, []) for name in ("run", *PROFILE["slo"])]
    assert "PASS" in (folder / "report.html").read_text("utf-8")
    assert run.summary["versions"]["locust"]
    assert run.summary["phases"] == [
        {"phase": "ramp-up", "from": 0.0, "to": 2.0},
        {"phase": "plateau", "from": 2.0, "to": 6.0},
    ]
    assert "PASS: all 2 SLOs held" in (folder / "run.log").read_text()
    for path in folder.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


def test_a_killed_master_leaves_a_snapshot_that_says_so(tmp_path: Path) -> None:
    profile = written(tmp_path, load=[{"step": 4}, {"hold": "60s"}])
    with demo_backend() as server, Cluster(tmp_path, profile, server.url, LOADTEST_RUN_ID="killed") as cluster:
        master = cluster.start("master", "--headless", "--workers", "1")
        cluster.start("worker")
        path = tmp_path / "runs" / "killed" / "summary.json"
        until(path.is_file, "a snapshot")
        master.kill()
        master.wait(20)
    left = json.loads(path.read_text())
    assert (left["finished"], left["verdict"], left["profile"]) == (False, "unfinished", "left")
    assert "loadtest report" in left["why"]
    assert (path.parent / "profile.yaml").is_file()


def test_a_file_that_cannot_be_written_is_told_and_changes_no_verdict(tmp_path: Path) -> None:
    with demo_backend() as server:
        (tmp_path / "runs" / "blocked" / "report.html").mkdir(parents=True)  # no file can take the place of a directory
        with Cluster(tmp_path, written(tmp_path), server.url, LOADTEST_RUN_ID="blocked") as cluster:
            master = cluster.start("master", "--headless", "--workers", "1")
            cluster.start("worker")
            run = cluster.finished(master)
    assert (run.code, run.summary["verdict"]) == (0, "pass"), run.output
    assert "report.html could not be written: Is a directory" in run.output
    assert run.directory is not None
    assert (run.directory / "junit.xml").is_file()
