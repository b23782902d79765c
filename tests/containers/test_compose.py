"""compose.yaml, alone and with what docker/headless.yaml adds; .env.example, which must name what can be set."""

import contextlib
import json
import re
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from engine import left_behind, output
from programs import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text("utf-8")
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
PATIENCE = 60.0
"""Seconds until a container that starts has had its chance, on a busy machine."""


def config(*files: str, **environ: str) -> dict[str, Any]:
    chosen = [part for file in files for part in ("-f", file)]
    found: dict[str, Any] = json.loads(output("compose", *chosen, "config", "--format", "json", **environ))
    return found


def test_every_variable_of_compose_is_explained_in_the_example_and_the_other_way_round() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE)) | set(re.findall(r"^ +(PIP_[A-Z_]+):$", COMPOSE, re.MULTILINE))
    explained = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    assert used == explained


def test_the_example_says_the_default_that_compose_has() -> None:
    for name, default in re.findall(r"\$\{([A-Z_]+):-([^${}]+)\}", COMPOSE):
        comments = EXAMPLE[: EXAMPLE.index(f"\n{name}=")]
        explanation = comments[comments.rfind("=\n") :]
        assert default.removeprefix("./") in explanation, f"{name} is {default} by default"


def test_the_example_changes_nothing() -> None:
    assigned = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert set(assigned.values()) == {""}


@pytest.mark.docker
@pytest.mark.parametrize("service", ["backend", "master", "worker"])
def test_every_container_is_held_to_what_it_needs(service: str) -> None:
    found = config("compose.yaml")["services"][service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["pids_limit"] == 256
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert found["init"] is True
    assert "healthcheck" in found
    assert [*found["networks"]] == ["cluster"]
    for mount in found.get("volumes", []):
        assert mount["type"] == "volume" or mount["read_only"] is True


@pytest.mark.docker
def test_only_the_page_is_published_and_only_on_this_machine() -> None:
    services = config("compose.yaml")["services"]
    ports = {name: service.get("ports", []) for name, service in services.items()}
    assert [(name, port["host_ip"], port["published"]) for name in ports for port in ports[name]] == [
        ("master", "127.0.0.1", "8089")
    ]


@pytest.mark.docker
def test_without_a_page_nothing_is_published() -> None:
    services = config("compose.yaml", "docker/headless.yaml")["services"]
    assert not any(service.get("ports") for service in services.values())
    assert services["master"]["command"] == ["master", "--headless"]


@pytest.mark.docker
def test_master_and_workers_are_told_the_same() -> None:
    environ = {"LOADTEST_TARGET": "http://there:1", "WS_AUTH_TOKEN": "t", "LOADTEST_SET": '["seed=2"]'}
    services = config("compose.yaml", **environ)["services"]
    for name in ("LOADTEST_TARGET", "LOADTEST_SET", "LOADTEST_USERS", "LOADTEST_DURATION", "WS_AUTH_TOKEN"):
        assert services["master"]["environment"][name] == services["worker"]["environment"][name]
    assert services["worker"]["environment"]["LOADTEST_TARGET"] == "http://there:1"
    assert services["backend"]["environment"]["WS_AUTH_TOKEN"] == environ["WS_AUTH_TOKEN"]


@dataclass
class Cluster:
    """A Compose project whose page is on a port of its own."""

    project: str
    port: int
    token: str = ""

    def compose(self, *arguments: str) -> str:
        return output("compose", "-p", self.project, *arguments, timeout=240, LOADTEST_WEB_PORT=str(self.port))

    def up(self, workers: int) -> None:
        self.compose("up", "--detach", "--no-build", "--scale", f"worker={workers}")

    def page(self, path: str, form: dict[str, str] | None = None) -> str:
        """What it answers to who has the token."""
        data = urllib.parse.urlencode(form).encode() if form else None
        if not self.token:
            self.token = self.compose("exec", "-T", "master", "cat", "/loadtest/web/token")
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own URL
            return str(answer.read().decode())

    def workers(self) -> int:
        """How many the page lists as there."""
        listed = json.loads(self.page("/stats/requests")).get("workers", [])
        return sum(worker["state"] != "missing" for worker in listed)

    def states(self) -> list[str]:
        rows = self.compose("ps", "--format", "{{.Service}} {{.Health}}").splitlines()
        return sorted(rows)

    def answers(self) -> bool:
        """Whether the page is there."""
        try:
            return self.page("/healthz") == "ok\n"
        except OSError:
            return False

    def inside(self, service: str, program: str) -> Any:
        """What a Python program prints in a service's container, as JSON."""
        return json.loads(self.compose("exec", "-T", service, "python", "-c", program))

    def summaries(self) -> list[dict[str, Any]]:
        listing = "import glob, json; print(json.dumps([json.load(open(f)) for f in glob.glob('runs/*/summary.json')]))"
        found: list[dict[str, Any]] = json.loads(self.compose("exec", "-T", "master", "python", "-c", listing))
        return [summary for summary in found if summary["finished"]]


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Cluster(f"loadtest-test-{port}", port)
    try:
        made.up(2)
        yield made
    finally:
        made.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        assert left_behind(made.project) == []


RIGHTS = """
import json, os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
written = []
for folder in ("/", "/etc", "/opt", "/opt/venv", "/usr/local", "/loadtest", "/loadtest/profiles", "/var/tmp", "/home"):
    try:
        open(f"{folder}/written", "w").close()
        written.append(folder)
    except OSError:
        pass
rights = {name: status[name].strip() for name in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")}
print(json.dumps({**rights, "user": os.getuid(), "written": written}))
"""
KILL_MASTER = """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) not in (1, os.getpid()) and b"locust" in open(f"/proc/{pid}/cmdline", "rb").read():
        os.kill(int(pid), 9)
print("null")
"""
COUNTS = """
import json, urllib.request
stats = json.load(urllib.request.urlopen("http://127.0.0.1:8000/stats?connections=0"))
print(json.dumps(stats["channels"]["market"]))
"""


@pytest.mark.docker
@pytest.mark.timeout(300)
class TestARunningCluster:
    def test_its_page_answers_and_lists_every_worker(self, cluster: Cluster) -> None:
        assert "<html" in cluster.page("/")
        assert until(lambda: cluster.workers() == 2)

    def test_a_stranger_gets_nothing_and_the_link_in_the_log_lets_one_browser_in(self, cluster: Cluster) -> None:
        url = f"http://127.0.0.1:{cluster.port}"
        for path in ("/metrics", "/api/v1/status", "/stats/requests"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(url + path, timeout=10)  # noqa: S310 - our own URL
            assert refused.value.code == 401
            refused.value.close()
        log = cluster.compose("logs", "--no-log-prefix", "master")
        (link,) = re.findall(rf"{url}/login\?once=\S+", log)
        assert cluster.token not in log
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(link, timeout=10) as answer:
            assert "logged in" in answer.read().decode()
        with browser.open(f"{url}/live", timeout=10) as answer:
            assert "Load test, live" in answer.read().decode()

    def test_its_containers_become_healthy(self, cluster: Cluster) -> None:
        healthy = ["backend healthy", "master healthy", "worker healthy", "worker healthy"]
        assert until(lambda: cluster.states() == healthy), cluster.states()

    def test_workers_are_added_while_it_runs(self, cluster: Cluster) -> None:
        cluster.up(3)
        assert until(lambda: cluster.workers() == 3)

    def test_a_run_that_is_started_on_the_page_leaves_its_result_on_the_volume(self, cluster: Cluster) -> None:
        form = {"load_profile": "smoke", "peak_users": "10", "total_duration": "6s"}
        locusts_own = {"user_count": "1", "spawn_rate": "1"}
        assert json.loads(cluster.page("/swarm", form | locusts_own))["success"] is True
        assert until(lambda: len(cluster.summaries()) == 1)
        (summary,) = cluster.summaries()
        assert summary["verdict"] == "pass", summary["why"]
        assert summary["profile"] == "smoke"
        assert len(summary["workers"]) == 3

    @pytest.mark.parametrize("service", ["backend", "master", "worker"])
    def test_a_container_has_no_rights_and_can_write_nowhere_but_where_it_must(
        self, cluster: Cluster, service: str
    ) -> None:
        assert cluster.inside(service, RIGHTS) == {
            "CapEff": "0" * 16,
            "CapBnd": "0" * 16,
            "NoNewPrivs": "1",
            "Seccomp": "2",  # a filter: the engine's default profile
            "user": 12345,
            "written": [],
        }

    def test_the_keys_stand_in_no_listing_and_in_no_log(self, cluster: Cluster) -> None:
        key = cluster.compose("exec", "-T", "worker", "cat", "/loadtest/key/cluster-key")
        containers = cluster.compose("ps", "--all", "--quiet").splitlines()
        told = output("inspect", *containers) + cluster.compose("logs", "--no-log-prefix")
        told += cluster.compose("top")
        assert len(key) >= 32
        assert cluster.token
        assert [secret for secret in (key, cluster.token) if secret in told] == []

    def test_a_master_that_is_killed_is_started_again_and_ends_its_run_with_nothing_lost(
        self, cluster: Cluster
    ) -> None:
        before = cluster.inside("backend", COUNTS)
        form = {"load_profile": "smoke", "peak_users": "10", "total_duration": "25s"}
        assert json.loads(cluster.page("/swarm", form | {"user_count": "1", "spawn_rate": "1"}))["success"] is True
        open_now = before["open"]
        assert until(lambda: cluster.inside("backend", COUNTS)["open"] > open_now)
        with contextlib.suppress(AssertionError):  # the exec ends with its container
            cluster.inside("master", KILL_MASTER)
        assert until(lambda: cluster.answers() and len(cluster.summaries()) == 2, 120)
        summary = max(cluster.summaries(), key=lambda each: str(each["started_at"]))
        after = cluster.inside("backend", COUNTS)
        assert summary["verdict"] == "pass", summary["why"]
        assert cluster.compose("logs", "--no-log-prefix", "master").count("Starting Locust") == 2
        assert summary["counters"]["market"]["connected"] == after["accepted"] - before["accepted"]
        assert summary["counters"]["market"]["messages"] == after["written"] - before["written"]
