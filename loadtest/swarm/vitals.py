"""What the kernel says of this process: CPU and waiting for it, throttling by the cgroup, descriptors, local ports.

Files are read once a second. What a kernel does not tell is left out, never guessed.
"""

import os
import re
import resource
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent

__all__ = ["Ports", "cpu_seconds", "cpu_wait_seconds", "descriptors", "throttled_seconds"]

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
COUNT_EVERY = 10
"""Calls between two exact counts of ports: with 20,000 sockets one takes some 50 ms, in a thread."""
HALF = 0.5
TCP_ROW = re.compile(rb"^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) ", re.MULTILINE)


def cpu_seconds() -> float:
    """CPU time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def cpu_wait_seconds() -> float | None:
    """How long this thread was ready to run and had no CPU, so far (kernel: scheduler/sched-stats)."""
    try:
        return int((PROC / "thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return None


def throttled_seconds() -> float | None:
    """How long the cgroup's CPU quota has stopped this process so far; None without a quota that is told."""
    for path in _cpu_stats():
        with suppress(OSError, ValueError):
            figures = dict(line.split() for line in path.read_text().splitlines())
            if "throttled_usec" in figures:  # cgroup v2
                return int(figures["throttled_usec"]) / 1e6
            if "throttled_time" in figures:  # v1: ns
                return int(figures["throttled_time"]) / 1e9
    return None


def _cpu_stats() -> list[Path]:
    """Where the figures of this process's cgroup may stand; in a container its own cgroup is the root."""
    found = []
    with suppress(OSError):
        for line in (PROC / "self/cgroup").read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            if number == "0":
                found.append(CGROUPS / path.lstrip("/") / "cpu.stat")
            elif "cpu" in controllers.split(","):
                found += [CGROUPS / name / path.lstrip("/") / "cpu.stat" for name in (controllers, "cpu")]
    return [*found, CGROUPS / "cpu.stat", CGROUPS / "cpu/cpu.stat"]


def descriptors() -> int:
    """About how many descriptors are open: the lowest free number. Listing /proc/self/fd takes ms at 20,000."""
    try:
        lowest = os.dup(0)
    except OSError:
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.close(lowest)
    return lowest


class Ports:
    """How much of the range of local ports is in use toward that address and port of a target that has most.

    All TCP sockets of the machine (of the network namespace) bound that from above and are cheap to ask for; only when
    they are more than half of the range, connections are counted one by one.
    """

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._range = _port_range(proc)
        self._exact: Any = None
        self._known = 0.0
        self._age = COUNT_EVERY

    def share(self) -> float | None:
        """At most this share; None where the kernel does not tell."""
        sockets = self._sockets()
        if self._range is None or sockets is None:
            return None
        size = len(self._range)
        if sockets <= HALF * size:
            self._known, self._age = 0.0, COUNT_EVERY
            return sockets / size
        if self._exact is not None and self._exact.ready():
            self._known, self._exact = self._exact.get() / size, None
        self._age += 1
        if self._exact is None and self._age > COUNT_EVERY:
            self._age = 0
            self._exact = gevent.get_hub().threadpool.spawn(self.busiest)
        return self._known

    def _sockets(self) -> int | None:
        """TCP sockets, those in TIME_WAIT included."""
        try:
            words = (self._proc / "net/sockstat").read_text().split()
            at = words.index("TCP:")
        except (OSError, ValueError):
            return None
        figures = dict(zip(words[at + 1 : at + 11 : 2], words[at + 2 : at + 11 : 2], strict=False))
        return int(figures.get("inuse", 0)) + int(figures.get("tw", 0))

    def busiest(self) -> int:
        """Connections from a port of the range toward the address and port that has most of them."""
        counts: Counter[bytes] = Counter()
        for name in ("net/tcp", "net/tcp6"):
            with suppress(OSError):
                rows = TCP_ROW.findall((self._proc / name).read_bytes())
                counts.update(remote for local, remote in rows if int(local, 16) in (self._range or ()))
        counts = Counter({remote: count for remote, count in counts.items() if not remote.endswith(b":0000")})
        return max(counts.values(), default=0)


def _port_range(proc: Path) -> range | None:
    try:
        first, last = map(int, (proc / "sys/net/ipv4/ip_local_port_range").read_text().split())
    except (OSError, ValueError):
        return None
    return range(first, last + 1)
