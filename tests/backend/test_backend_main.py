"""`python -m backend`, for `backend/__main__.py`."""

import os
import resource
import signal
import subprocess
import sys
import time

import pytest
from raw_client import ROOT, Client, request, running

from backend.market import Market


def test_it_says_where_it_listens_and_nothing_more() -> None:
    with running() as (base, process):
        assert request(base, "/health")[0] == 200
        process.terminate()
        assert process.stdout is not None
        assert process.stdout.read() == b""
        assert process.wait(5) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_with_subscribers_that_do_not_read(number: signal.Signals) -> None:
    with running(WS_THROTTLE_INTERVAL_MS="0", DEMO_TICK_RATE="100") as (base, process):
        clients = [Client(base, "/ws/market", receive_buffer=4096) for _ in range(50)]
        start = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert time.monotonic() - start < 6
        for client in clients:
            client.socket.close()


def test_the_seed_given_is_the_markets() -> None:
    with running("-m", "backend", "--seed", "3", "--tick-rate", "0.01") as (base, _):
        assert request(base, "/api/market/snapshot")[1]["prices"] == Market(3, 0.0).prices != Market(1, 0.0).prices


def test_it_raises_its_soft_descriptor_limit_to_the_hard_one() -> None:
    with running() as (_, process):
        soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        assert soft == hard


def test_a_setting_that_cannot_be_used_is_told_in_one_line() -> None:
    command = [sys.executable, "-m", "backend", "--tick-rate", "0"]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "python -m backend: error: DEMO_TICK_RATE: must be more than 0"
