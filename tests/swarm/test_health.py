"""swarm/health.py: the generator about itself."""

import resource
import time

import gevent
import pytest
from gevent.monkey import get_original

from loadtest.clock import SystemClock
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


def test_descriptors_are_counted(health: Health) -> None:
    before = health.take()["descriptors"]
    files = [open("/dev/null") for _ in range(20)]  # noqa: PTH123, SIM115 - descriptors are the point
    assert health.take()["descriptors"] >= before + 20
    for file in files:
        file.close()


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    hard = raise_descriptor_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
