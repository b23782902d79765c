"""Messages that are lost because a connection breaks, so briefly that no worker is taken for dead."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import (
    accepted,
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    open_now,
    reported_until,
    seconds_until,
    until_steady,
    write_profile,
)
from programs import Cluster, Server, assert_counts_equal, demo_backend, until
from relay import Relay

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

USERS = 40
STEP_AT = 10
"""When the second ramp begins, in seconds of run time."""


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


@pytest.mark.parametrize(
    "later",
    [USERS, pytest.param(USERS // 4, marks=pytest.mark.chaos)],
    ids=["more users", "fewer users"],
)
def test_a_worker_that_missed_where_its_users_should_be_is_told_again(
    backend: Server, tmp_path: Path, later: int
) -> None:
    half = USERS // 2
    load = [{"ramp": half, "over": "1s"}, {"hold": f"{STEP_AT - 1}s"}, {"ramp": later, "over": "0.5s"}, {"hold": "12s"}]
    with (
        Cluster(tmp_path, write_profile(tmp_path, load), backend.url) as cluster,
        Relay(int(cluster.environ["LOADTEST_MASTER_PORT"])) as relay,
    ):
        cluster.start("worker")
        unlucky = cluster.start("worker", LOADTEST_MASTER_PORT=str(relay.port))
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, half)
        reported_until(cluster, STEP_AT - 3)
        relay.lose()
        until(lambda: open_now(backend) == (half + later) // 2, "the other worker has what the plan wants")
        relay.break_off()
        seconds_until(lambda: open_now(backend) == later, "the one that missed it has it, too")
        run = cluster.finished(master)
        assert unlucky.wait(30) == 0
    assert run.code == 0, run.output
    assert run.summary["lost"] == [], run.output
    assert accepted(backend) == max(half, later)  # nobody was disconnected for it
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)
