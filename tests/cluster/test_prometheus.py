"""A real Prometheus scrapes the master through a whole run: its counts are the backend's, and never go down."""

import json
import secrets
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import ROOT, Cluster, Server, demo_backend, free_port, load_of, reachable, read_run, until

PROMETHEUS = shutil.which("prometheus")
TOKEN = secrets.token_urlsafe(32)
DASHBOARD = ROOT / "docker/monitoring/grafana/dashboards/loadtest.json"

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(240),
    pytest.mark.skipif(PROMETHEUS is None, reason="no Prometheus: `make deps` installs it"),
]


class Scraper:
    """A Prometheus that scrapes one port each second."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=10) as answer:  # noqa: S310 - our own URL
            found = json.load(answer)
        assert found["status"] == "success"
        samples: list[dict[str, Any]] = found["data"]["result"]
        return samples

    def number(self, expression: str) -> float:
        """The one sample's value."""
        (sample,) = self.query(expression)
        return float(sample["value"][1])

    def by(self, label: str, expression: str) -> dict[str, float]:
        """Value by a label."""
        return {sample["metric"][label]: float(sample["value"][1]) for sample in self.query(expression)}


@contextmanager
def scraping(folder: Path, port: int) -> Iterator[Scraper]:
    """The configuration that is shipped, but for whom it asks, how often, and where the token is."""
    settings = yaml.safe_load((ROOT / "docker/monitoring/prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    settings["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{port}"]
    (folder / "token").write_text(f"{TOKEN}\n")
    settings["scrape_configs"][0]["authorization"]["credentials_file"] = str(folder / "token")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    own = free_port()
    command = [
        str(PROMETHEUS),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        scraper = Scraper(f"http://127.0.0.1:{own}")
        until(lambda: reachable(f"{scraper.url}/-/ready"), "Prometheus is ready")
        yield scraper
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def expressions() -> list[str]:
    """What the dashboard asks, for every run."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel["targets"]]
    return [text.replace("$run_id", ".+").replace("$__rate_interval", "1m") for text in found]


def test_prometheus_counts_what_the_backend_counted_and_never_less_than_before(backend: Server, tmp_path: Path) -> None:
    port = free_port()
    smoke = ROOT / "profiles" / "smoke.yaml"
    environ = {"LOADTEST_WEB_PORT": str(port), "LOADTEST_DURATION": "12s", "LOADTEST_WEB_TOKEN": TOKEN}
    with Cluster(tmp_path, smoke, backend.url, **environ) as cluster:
        cluster.start("master", "--autostart", "--expect-workers", "2")
        until(lambda: reachable(f"http://127.0.0.1:{port}/healthz"), "the master's page")
        with scraping(tmp_path, port) as prometheus:
            cluster.start("worker")
            cluster.start("worker")
            until(lambda: bool(prometheus.query('loadtest_run_state{state="running"} == 1')), "the run is scraped")
            until(lambda: bool(prometheus.query('loadtest_run_state{state="ended"} == 1')), "its end is scraped", 90)
            run = read_run(0, cluster.logs(), cluster.out)
            stats = backend.stats()
            for channel in ("market", "foreign", "index", "alerts"):
                theirs = stats["channels"][channel]
                counted = prometheus.by("counter", f'loadtest_counted_total{{group="{channel}"}}')
                assert counted["connected"] == theirs["accepted"]
                received = sum(counted.get(name, 0) for name in ("messages", "not_data", "bad_messages"))
                assert received == theirs["written"] + theirs["heartbeats"] + theirs["status"]
            answered = load_of({path: sum(codes.values()) for path, codes in stats["requests"].items()})
            requests = 'sum(loadtest_duration_seconds_count{measure="service"})'
            assert prometheus.number(requests) == sum(answered.values()) > 0
            totals = prometheus.by(
                "__name__", 'group by (__name__) ({__name__=~"loadtest_.*(_total|_bucket|_count|_sum)"})'
            )
            assert len(totals) >= 7
            for name in totals:
                assert prometheus.number(f"max(resets({name}[10m]))") == 0, name
            assert prometheus.number('count_over_time(loadtest_users{run_id!=""}[10m])') >= 10
            assert (
                prometheus.number('max_over_time(loadtest_users{run_id!=""}[10m])') == run.summary["peak_users"] == 10
            )
            assert prometheus.number("min_over_time(up[10m])") == 1  # every scrape was answered in time
            (info,) = prometheus.query('loadtest_run_info{run_id!=""}')
            assert info["metric"]["run_id"] == run.summary["run_id"]
            assert info["metric"]["profile"] == "smoke"
            empty = [text for text in expressions() if not prometheus.query(f"last_over_time(({text})[10m:1s])")]
    quiet = ("errors_total", "connects_failed", "completeness_ratio")  # nothing went wrong; messages without sequence
    assert [text for text in empty if not any(name in text for name in quiet)] == []
