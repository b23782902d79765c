"""What is read of a machine, from a tree of files like /proc and /sys/fs/cgroup."""

import resource
from pathlib import Path

import pytest

from loadtest.cli.machine import read_machine

GIB = 2**30


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n",
        "proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
        "proc/sys/net/netfilter/nf_conntrack_max": "1000\n",
        "proc/sys/net/netfilter/nf_conntrack_count": "400\n",
        "proc/self/cgroup": "0::/\n",
    }
    for name, text in files.items():
        write(tmp_path / name, text)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_a_container_it_is_the_machine_that_counts(root: Path) -> None:
    machine = read_machine(root)
    assert machine.ports == (32768, 60999)
    assert machine.port_count == 28_232
    assert (machine.memory, machine.memory_by) == (8 * GIB, "free on this machine")
    assert machine.conntrack == 600
    assert machine.pids is None
    assert machine.cpus is not None
    assert machine.cpus >= 1


def test_descriptors_are_those_of_this_process() -> None:
    assert read_machine().descriptors == resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def test_the_limits_of_a_container_under_cgroup_2(root: Path) -> None:
    group = root / "sys/fs/cgroup"
    for name, text in (("memory.max", f"{GIB}\n"), ("memory.current", f"{GIB // 4}\n"), ("cpu.max", "50000 100000\n"),
                       ("pids.max", "100\n"), ("pids.current", "10\n")):  # fmt: skip
        write(group / name, text)
    machine = read_machine(root)
    assert (machine.memory, machine.memory_by) == (GIB - GIB // 4, "the container's limit")
    assert machine.cpus == 0.5
    assert "stands still" in machine.cpus_by
    assert machine.pids == 90


def test_a_group_above_ours_may_be_the_tighter_one(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/slice/unit\n")
    write(root / "sys/fs/cgroup/slice/memory.max", f"{GIB}\n")
    write(root / "sys/fs/cgroup/slice/unit/memory.max", f"{2 * GIB}\n")
    write(root / "sys/fs/cgroup/slice/unit/cpu.max", "max 100000\n")
    machine = read_machine(root)
    assert machine.memory == GIB
    assert machine.cpus_by == "this machine's"


def test_the_limits_of_a_container_under_cgroup_1(root: Path) -> None:
    write(root / "proc/self/cgroup", "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n2:pids:/docker/abc\n")
    base = root / "sys/fs/cgroup"
    write(base / "memory/memory.limit_in_bytes", f"{GIB}\n")  # as it is mounted inside the container
    write(base / "memory/memory.usage_in_bytes", "0\n")
    write(base / "cpu/cpu.cfs_quota_us", "150000\n")
    write(base / "cpu/cpu.cfs_period_us", "100000\n")
    write(base / "pids/docker/abc/pids.max", "64\n")
    write(base / "pids/docker/abc/pids.current", "4\n")
    machine = read_machine(root)
    assert machine.memory == GIB
    assert machine.pids == 60
    assert machine.cpus is not None
    assert machine.cpus <= 1.5


def test_no_limit_is_written_in_three_ways(root: Path) -> None:
    write(root / "proc/self/cgroup", "4:memory:/\n3:cpu:/\n0::/\n")
    base = root / "sys/fs/cgroup"
    write(base / "memory/memory.limit_in_bytes", "9223372036854771712\n")
    write(base / "cpu/cpu.cfs_quota_us", "-1\n")
    write(base / "cpu/cpu.cfs_period_us", "100000\n")
    write(base / "memory.max", "max\n")
    machine = read_machine(root)
    assert machine.memory_by == "free on this machine"
    assert machine.cpus_by == "this machine's"


def test_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    machine = read_machine(tmp_path)
    assert (machine.ports, machine.memory, machine.conntrack, machine.pids) == (None, None, None, None)
