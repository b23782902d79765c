"""Reads the limits of this machine, and of the container that the process may be in. What they mean is capacity's.

Linux: /proc and cgroups (v1 and v2). Elsewhere what can't be read is left out.
"""

import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

from loadtest.capacity import Machine

__all__ = ["read_machine"]

UNLIMITED = 2**60
"""cgroup v1 writes "no limit" as a number near 2**63, rounded down to a page."""


def read_machine(root: Path = Path("/")) -> Machine:
    """Return what can be read below `root` (another one in tests)."""
    memory, memory_by = _memory(root)
    cpus, cpus_by = _cpus(root)
    return Machine(
        descriptors=_descriptors(),
        ports=_ports(root),
        memory=memory,
        memory_by=memory_by,
        cpus=cpus,
        cpus_by=cpus_by,
        conntrack=_conntrack(root),
        pids=_pids(root),
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8").strip()
    except OSError:
        return None


def _number(path: Path) -> int | None:
    """The number in a file; None where there is none: no such file, `max`, or v1's way of saying it."""
    text = _text(path)
    if text is None or not text.lstrip("-").isdecimal():
        return None
    number = int(text)
    return None if number >= UNLIMITED or number < 0 else number


def _descriptors() -> int | None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return None if hard == resource.RLIM_INFINITY else hard


def _ports(root: Path) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d+)\s+(\d+)", _text(root / "proc/sys/net/ipv4/ip_local_port_range") or "")
    return (int(found[1]), int(found[2])) if found else None


def _conntrack(root: Path) -> int | None:
    netfilter = root / "proc/sys/net/netfilter"
    most, used = _number(netfilter / "nf_conntrack_max"), _number(netfilter / "nf_conntrack_count")
    return None if most is None else max(most - (used or 0), 0)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's control group and of those above it, for a controller of v1 or v2."""
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / (controller if controllers else "")
        inner = Path(path.lstrip("/"))
        # in a container the path is the host's, and what is mounted is our own group: the base is looked at last
        for part in (inner, *inner.parents):
            yield base / part


def _least(root: Path, controller: str, *pairs: tuple[str, str]) -> int | None:
    """The least of limit - usage over the groups; `pairs` are the names of both files, for v2 and v1."""
    rooms = []
    for group in _groups(root, controller):
        for limit, usage in pairs:
            most = _number(group / limit)
            if most is not None:
                rooms.append(max(most - (_number(group / usage) or 0), 0))
    return min(rooms, default=None)


def _memory(root: Path) -> tuple[int | None, str]:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo") or "", re.MULTILINE)
    free = int(found[1]) * 1024 if found else None
    names = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")
    limited = _least(root, "memory", *names)
    if limited is not None and (free is None or limited < free):
        return limited, "the container's limit"
    return free, "free on this machine"


def _cpus(root: Path) -> tuple[float | None, str]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quotas = []
    for group in _groups(root, "cpu"):
        quota, _, period = (_text(group / "cpu.max") or "").partition(" ")
        if quota.isdecimal() and period.isdecimal():
            quotas.append(int(quota) / int(period))
        v1, v1_period = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
        if v1 and v1_period:
            quotas.append(v1 / v1_period)
    least = min(quotas, default=None)
    if least is not None and (usable is None or least < usable):
        return least, "the container's limit: beyond it the container stands still"
    return (None if usable is None else float(usable)), "this machine's"


def _pids(root: Path) -> int | None:
    return _least(root, "pids", ("pids.max", "pids.current"))
