"""What the kernel knows of a process: CPU time to the nanosecond, memory; and which cores there are."""

import os
from pathlib import Path

__all__ = ["cores", "cpu_seconds", "rss_bytes"]


def cores() -> tuple[int, int]:
    """One core for the server, another one for the client.

    Raises:
        RuntimeError: there is only one.
    """
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:  # noqa: PLR2004 - a server and a client
        raise RuntimeError("the benchmarks need two cores: one for the server, one for the client")
    return usable[0], usable[1]


def cpu_seconds(pid: int) -> float:
    """Time on a core of all threads (proc(5), schedstat; `stat` counts in hundredths of a second)."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def rss_bytes(pid: int) -> int:
    """Resident memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
