"""swarm/vitals.py: what the kernel says, read from files that look like its own, and once from the real ones."""

import resource
import socket
from pathlib import Path

import gevent
import pytest

from loadtest.swarm import vitals

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def proc(folder: Path, inuse: int, tw: int, rows: str = "", ports: str = "32768 33767") -> Path:
    (folder / "net").mkdir()
    (folder / "sys/net/ipv4").mkdir(parents=True)
    (folder / "sys/net/ipv4/ip_local_port_range").write_text(f"{ports}\n")
    (folder / "net/sockstat").write_text(
        f"sockets: used 172\nTCP: inuse {inuse} orphan 0 tw {tw} alloc 66 mem 68\nUDP: inuse 9 mem 0\n"
    )
    (folder / "net/tcp").write_text(HEADER + rows)
    return folder


def row(local: int, remote: str) -> str:
    return f"   0: 0100007F:{local:04X} {remote} 01 00000000:00000000 00:00000000 00000000     0        0 1 1\n"


def test_all_sockets_of_the_machine_bound_the_ports_in_use(tmp_path: Path) -> None:
    assert vitals.Ports(proc(tmp_path, 100, 50)).share() == 0.15


def test_many_sockets_are_counted_by_where_they_lead(tmp_path: Path) -> None:
    there, elsewhere, listening = "0200000A:1F40", "0300000A:1F40", "00000000:0000"
    rows = "".join(row(32768 + n, there) for n in range(700))
    rows += "".join(row(33500 + n, elsewhere) for n in range(100))
    rows += "".join(row(8000 + n, there) for n in range(20))  # not from the range
    rows += "".join(row(32768 + n, listening) for n in range(900))
    ports = vitals.Ports(proc(tmp_path, 1700, 20, rows))
    ports.share()  # begins to count
    gevent.sleep(0.05)
    gevent.get_hub().threadpool.join()
    assert ports.share() == 0.7


@pytest.mark.parametrize("missing", ["net/sockstat", "sys/net/ipv4/ip_local_port_range"])
def test_what_the_kernel_does_not_tell_is_not_told(missing: str, tmp_path: Path) -> None:
    folder = proc(tmp_path, 100, 50)
    (folder / missing).unlink()
    assert vitals.Ports(folder).share() is None


@pytest.mark.parametrize(
    ("cgroup", "file", "text", "seconds"),
    [
        # cgroup v2, in a slice of its own
        ("0::/system.slice/x", "system.slice/x/cpu.stat", "nr_throttled 3\nthrottled_usec 2500000", 2.5),
        # v2 in a container: its own cgroup is the root
        ("0::/", "cpu.stat", "usage_usec 1\nthrottled_usec 1000", 0.001),
        # a container that sees the host's path, but not the host's folder
        ("0::/docker/abc", "cpu.stat", "throttled_usec 1000", 0.001),
        # v1
        ("4:cpu,cpuacct:/x", "cpu,cpuacct/x/cpu.stat", "nr_periods 9\nthrottled_time 1500000000", 1.5),
        ("1:cpu:/\n0::/", "cpu/cpu.stat", "nr_periods 9\nthrottled_time 1500000000", 1.5),
        # no CPU controller
        ("0::/", "cpu.stat", "usage_usec 1", None),
        ("0::/", "memory.stat", "", None),
    ],
)
def test_throttling_is_read_from_either_kind_of_cgroup(
    cgroup: str, file: str, text: str, seconds: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(cgroup + "\n")
    (tmp_path / "groups" / file).parent.mkdir(parents=True)
    (tmp_path / "groups" / file).write_text(text + "\n")
    monkeypatch.setattr(vitals, "PROC", tmp_path / "proc")
    monkeypatch.setattr(vitals, "CGROUPS", tmp_path / "groups")
    assert vitals.throttled_seconds() == seconds


def test_connections_of_this_machine_are_found() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        clients = [socket.create_connection(server.getsockname()) for _ in range(40)]
        assert vitals.Ports().busiest() >= 40
        for client in clients:
            client.close()


def test_without_a_free_descriptor_all_are_in_use() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (vitals.descriptors(), hard))
    try:
        assert vitals.descriptors() == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
