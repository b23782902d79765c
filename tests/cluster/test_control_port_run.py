"""The control port of a real master that has a key, and a worker that has another."""

import re
from pathlib import Path

import pytest
from programs import Cluster, demo_backend

from loadtest.cli.key import new_key

pytestmark = pytest.mark.cluster

PROFILE = """\
name: steady
target: {url: "${LOADTEST_TARGET}"}
users: {subscribers: {websocket: /ws/market, count: 4}}
load: [{ramp: 4, over: 1s}, {hold: 20s}]
"""


def test_a_worker_with_another_key_ends_with_a_sentence_and_the_run_goes_on_without_it(tmp_path: Path) -> None:
    profile = tmp_path / "steady.yaml"
    profile.write_text(PROFILE)
    key, other = new_key(), new_key()
    with demo_backend() as backend, Cluster(tmp_path, profile, backend.url, LOADTEST_CLUSTER_KEY=key) as cluster:
        master = cluster.start("master", "--headless")
        stranger = cluster.start("worker", LOADTEST_CLUSTER_KEY=other)
        cluster.start("worker")
        assert master.wait(60) == 0, cluster.logs()
        assert stranger.wait(60) == 2, cluster.logs()
    logs = cluster.logs()
    assert "LOADTEST_CLUSTER_KEY is not the master's: this worker can't join" in logs
    assert "dropped at the control port: a peer without the cluster key" in logs
    assert re.search(r"dropped at the control port in all: \d+ × a peer without the cluster key", logs)
    assert key not in logs
    assert other not in logs
