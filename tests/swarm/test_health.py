"""swarm/health.py: the generator about itself."""

import gc
import os
import resource
import subprocess
import sys
import time

import gevent
import pytest
from gevent.monkey import get_original

from loadtest.clock import SystemClock
from loadtest.histogram import Histogram
from loadtest.swarm import dial
from loadtest.swarm.health import SHARE_S, Health, raise_descriptor_limit


@pytest.fixture
def health() -> object:
    made = Health(SystemClock())
    yield made
    made.close()


def busy(seconds: float) -> None:
    """Compute without letting the hub run."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_a_hub_that_could_not_run_shows_as_lag(health: Health) -> None:
    gevent.sleep(0.06)
    health.take()
    busy(0.3)
    gevent.sleep(0.1)
    assert 0.2 < health.take()["lag_max"] < 5.0


def test_a_busy_process_shows_as_cpu_and_an_idle_one_does_not(health: Health) -> None:
    sleep = get_original("time", "sleep")
    sleep(SHARE_S)
    idle = health.take()["cpu"]
    used = resource.getrusage(resource.RUSAGE_SELF)
    while resource.getrusage(resource.RUSAGE_SELF).ru_utime - used.ru_utime < SHARE_S:
        busy(0.01)
    assert idle < 0.2
    assert idle < health.take()["cpu"] <= 1.1  # one thread: at most one core


def test_a_share_of_cpu_over_a_moment_is_not_told(health: Health) -> None:
    busy(0.02)
    assert "cpu" not in health.take()


def test_every_lag_is_recorded(health: Health) -> None:
    lags = Histogram()
    watched = Health(SystemClock(), lags)
    gevent.sleep(0.3)
    busy(0.3)
    gevent.sleep(0.1)
    watched.close()
    assert lags.count >= 3
    assert lags.max is not None
    assert 0.2 < lags.max < 5.0
    assert lags.max <= health.take()["lag_max"] + 0.1


def test_a_thread_that_others_keep_from_the_cpu_shows_as_waiting(health: Health) -> None:
    """Three others on the same core: we could run all the time, and do so a quarter of it."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    try:
        health.take()
        busy(2.0)
        taken = health.take()
    finally:
        os.sched_setaffinity(0, allowed)
        for other in others:
            other.kill()
            other.wait()
    assert taken["cpu_wait"] > 0.25
    assert taken["cpu"] + taken["cpu_wait"] > 0.6  # it wanted to run throughout


def test_a_pause_of_the_collector_is_told_once(health: Health) -> None:
    cycles = []
    for _ in range(20_000):
        cycles.append(cycles)
    gc.collect()
    assert 0.0 < health.take()["gc_max"] < 5.0
    health.take()
    gc.disable()
    try:
        assert health.take()["gc_max"] == 0.0
    finally:
        gc.enable()


def test_a_connection_that_fails_for_want_of_something_here_is_told_once(health: Health) -> None:
    assert "socket_errors" not in health.take()
    dial.exhausted["connect: out of descriptors"] += 2
    assert health.take()["socket_errors"] == 2.0
    assert "socket_errors" not in health.take()


def test_descriptors_are_counted(health: Health) -> None:
    before = health.take()["descriptors"]
    files = [open("/dev/null") for _ in range(20)]  # noqa: PTH123, SIM115 - descriptors are the point
    taken = health.take()
    assert taken["descriptors"] >= before + 20
    assert taken["descriptors_share"] == taken["descriptors"] / resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    for file in files:
        file.close()


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    hard = raise_descriptor_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
