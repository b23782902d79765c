"""k8s/run/run.sh, which is `make k8s-run`, with something in the place of kubectl that plays one run."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import ROOT, clean_environment

BUNDLE = {"summary.json": '{"verdict": "pass"}', "logs/master.log": "done"}
RUN = "k8s-00000000-1111-2222-3333-444444444444"


@dataclass
class Cluster:
    """A cluster that is a folder (tests/support/fake_kubectl.py)."""

    home: Path
    out: Path

    def run(self, script: dict[str, Any] | None = None, **settings: str) -> "subprocess.CompletedProcess[str]":
        (self.home / "script.json").write_text(json.dumps({"bundle": BUNDLE} | (script or {})))
        kubectl = f"{sys.executable} {ROOT}/tests/support/fake_kubectl.py"
        environ = {"FAKE_CLUSTER": str(self.home), "KUBECTL": kubectl, "OUT": str(self.out), "START_S": "2"}
        return subprocess.run(
            ["k8s/run/run.sh"],
            cwd=ROOT,
            env=clean_environment(**(environ | settings)),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    @property
    def applied(self) -> dict[str, Any]:
        """kind/name -> what was applied under it last."""
        documents = yaml.safe_load_all((self.home / "applied.yaml").read_text())
        return {f"{content['kind']}/{content['metadata']['name']}": content for content in documents if content}

    @property
    def left(self) -> set[str]:
        """What is there now."""
        return set(json.loads((self.home / "objects.json").read_text()))

    @property
    def calls(self) -> str:
        return (self.home / "calls").read_text()


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    home = tmp_path / "cluster"
    home.mkdir()
    return Cluster(home, tmp_path / "runs")


@pytest.mark.parametrize("code", [0, 1, 3])
def test_it_shows_the_run_fetches_its_bundle_and_exits_with_its_code(cluster: Cluster, code: int) -> None:
    done = cluster.run({"exit_code": code})
    assert done.returncode == code, done.stdout + done.stderr
    assert "PASS: all 3 SLOs held" in done.stdout
    assert done.stdout.rstrip().endswith(f"exit code {code}")
    assert (cluster.out / RUN / "summary.json").read_text() == BUNDLE["summary.json"]
    assert (cluster.out / RUN / "logs/master.log").read_text() == BUNDLE["logs/master.log"]


def test_what_it_made_for_the_run_is_gone_and_what_the_next_one_needs_is_there(cluster: Cluster) -> None:
    cluster.run()
    assert not {name for name in cluster.left if "run-" in name or name in ("configmap/run", "pod/fetch")}
    assert {"namespace/loadtest", "persistentvolumeclaim/runs", "job/make-secret"} <= cluster.left
    assert "deployment/master" not in cluster.left  # the page is another thing


def test_the_run_is_what_was_asked_for(cluster: Cluster) -> None:
    done = cluster.run(PROFILE='my "own"', WORKERS="8", TARGET="https://api.example.com", USERS="500", DURATION="2m",
                       NAMESPACE="ci-7", REGISTRY="registry.example/team", TAG="1.4")  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = cluster.applied
    worker = made["Job/run-worker"]
    assert worker["spec"]["parallelism"] == 8
    assert worker["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/team/loadtest:1.4"
    assert {content["metadata"].get("namespace", "ci-7") for content in made.values()} == {"ci-7"}
    assert made["Namespace/ci-7"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert "Deployment/backend" not in made  # the target is another one


def test_values_reach_the_pods_as_they_were_given(cluster: Cluster) -> None:
    cluster.run(PROFILE='a "quoted" one', WORKERS="3", USERS="7")
    data = json.loads((cluster.home / "patched.json").read_text())
    assert data["LOADTEST_PROFILE"] == 'a "quoted" one'
    assert (data["LOADTEST_WORKERS"], data["LOADTEST_USERS"]) == ("3", "7")
    assert data["LOADTEST_TARGET"] == "http://backend:8000"


def test_the_profiles_of_this_machine_are_the_ones_that_run(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/one.yaml").write_text("name: one\n")
    cluster.run(PROFILES=str(tmp_path / "mine"))
    assert cluster.applied["ConfigMap/profiles"]["data"] == {"one.yaml": "name: one\n"}


def test_a_run_that_is_under_way_is_not_disturbed(cluster: Cluster) -> None:
    (cluster.home / "objects.json").write_text(json.dumps({"job/run-master": {}}))
    done = cluster.run()
    assert done.returncode == 4
    assert "a run is under way in namespace loadtest" in done.stderr
    assert not (cluster.home / "applied.yaml").exists()
    assert "delete" not in cluster.calls


def test_a_run_that_has_ended_makes_room_for_the_next(cluster: Cluster) -> None:
    (cluster.home / "objects.json").write_text(json.dumps({"job/run-master": {}, "job/run-worker": {}}))
    done = cluster.run({"over": True})
    assert done.returncode == 0, done.stderr
    calls = cluster.calls.splitlines()
    deleted = next(index for index, call in enumerate(calls) if "delete job/run-master" in call)
    assert deleted < next(index for index, call in enumerate(calls) if "apply" in call)


def test_pods_that_do_not_start_are_explained_with_what_kubernetes_says_of_them(cluster: Cluster) -> None:
    done = cluster.run({"phases": ["Pending"]})
    assert done.returncode == 4
    assert "has not started within 2 s" in done.stderr
    assert "FailedScheduling" in done.stderr
    assert "job/run-master" not in cluster.left


def test_what_kubectl_says_when_it_refuses_is_shown(cluster: Cluster) -> None:
    done = cluster.run({"refuse": "error: You must be logged in to the server"})
    assert done.returncode == 4
    assert "You must be logged in" in done.stderr


def test_a_bundle_that_cannot_be_fetched_is_no_pass(cluster: Cluster) -> None:
    done = cluster.run({"no_bundle": True})
    assert done.returncode == 3
    assert "it is on the volume" in done.stdout


def test_a_master_that_was_killed_once_too_often_is_no_code_of_a_run(cluster: Cluster) -> None:
    assert cluster.run({"exit_code": 137}).returncode == 3


def test_only_pods_of_this_job_are_looked_at_and_none_that_the_last_one_left(cluster: Cluster) -> None:
    cluster.run()
    looks = [call for call in cluster.calls.splitlines() if "get pods" in call and "-o name" in call]
    assert looks
    assert all(f"controller-uid={RUN.removeprefix('k8s-')}" in call for call in looks)


@pytest.mark.parametrize("workers", ["0", "two", "-1"])
def test_a_number_of_workers_that_is_none_is_refused(cluster: Cluster, workers: str) -> None:
    done = cluster.run(WORKERS=workers)
    assert done.returncode == 2
    assert f"WORKERS={workers} is no number of workers" in done.stderr


def test_a_namespace_that_is_none_is_refused(cluster: Cluster) -> None:
    done = cluster.run(NAMESPACE="No_Name")
    assert done.returncode != 0
    assert "NAMESPACE=No_Name is no name for a namespace" in done.stderr
