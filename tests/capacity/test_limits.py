from dataclasses import replace

import pytest

from loadtest.capacity import Limit, Machine, Needs, limits
from loadtest.capacity.limits import RESERVED_DESCRIPTORS, USER_BYTES, WORKER_BYTES

MACHINE = Machine(
    descriptors=10_000 + RESERVED_DESCRIPTORS,
    ports=(32_768, 60_999),
    memory=8 * 2**30,
    memory_by="free on this machine",
    cpus=4.0,
    cpus_by="this machine's",
    conntrack=65_536,
    pids=1000,
)


def needs(users: int, workers: int = 2, hosts: int = 1, targets: int = 1) -> Needs:
    return Needs(workers=workers, hosts=hosts, users=users, targets=targets)


def find(name: str, machine: Machine, wanted: Needs) -> Limit:
    (limit,) = [limit for limit in limits(machine, wanted) if limit.name == name]
    return limit


def test_descriptors_are_each_workers_own() -> None:
    limit = find("descriptors", MACHINE, needs(10_000, workers=2))
    assert (limit.allows, limit.share, limit.outcome) == (20_000, 0.5, "ok")
    assert find("descriptors", MACHINE, needs(10_000, workers=1)).outcome == "tight"
    assert find("descriptors", MACHINE, needs(10_001, workers=1)).outcome == "exceeded"


def test_ports_are_shared_by_the_workers_of_a_machine_and_are_there_for_each_target() -> None:
    assert find("ports", MACHINE, needs(28_232, workers=8)).share == 1.0
    assert find("ports", MACHINE, needs(28_233, workers=8)).outcome == "exceeded"
    assert find("ports", MACHINE, needs(28_232, workers=8, targets=2)).share == 0.5
    assert find("ports", MACHINE, needs(28_232, workers=8, hosts=4)).share == 0.25
    assert find("ports", MACHINE, needs(0, workers=8, hosts=4)).allows == 4 * 28_232


def test_memory_is_what_workers_and_users_take_together() -> None:
    room = MACHINE.memory - 2 * WORKER_BYTES if MACHINE.memory else 0
    limit = find("memory", MACHINE, needs(100_000, workers=2))
    assert limit.share == pytest.approx(100_000 * USER_BYTES / room)
    assert limit.allows == room // USER_BYTES
    assert find("memory", replace(MACHINE, memory=WORKER_BYTES), needs(1)).outcome == "exceeded"


def test_more_workers_than_cores_is_tight_and_never_impossible() -> None:
    assert find("CPU", MACHINE, needs(1, workers=4)).outcome == "ok"
    assert find("CPU", MACHINE, needs(1, workers=5)).outcome == "tight"
    assert find("CPU", MACHINE, needs(1, workers=50)).outcome == "tight"


def test_what_is_met_first_stands_first() -> None:
    found = limits(MACHINE, needs(9_000, workers=1))
    assert found[0].name == "descriptors"
    assert [limit.share for limit in found] == sorted((limit.share for limit in found), reverse=True)


@pytest.mark.parametrize(
    ("field", "name"),
    [("descriptors", "descriptors"), ("ports", "ports"), ("memory", "memory"), ("cpus", "CPU"),
     ("conntrack", "conntrack"), ("pids", "processes")],
)  # fmt: skip
def test_a_limit_that_could_not_be_read_is_left_out(field: str, name: str) -> None:
    assert name in [limit.name for limit in limits(MACHINE, needs(10))]
    assert name not in [limit.name for limit in limits(replace(MACHINE, **{field: None}), needs(10))]


def test_every_limit_says_what_to_do() -> None:
    assert all(limit.remedy for limit in limits(MACHINE, needs(10)))
