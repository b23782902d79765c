"""`make soak`: a long run under errors of every kind, and whether memory, descriptors and the timeline stay in order.

Prints memory of master and workers at the begin and the end, and its slope per hour once the run is warm: the median of
the slopes between any two moments (Theil and Sen), with the range in which it lies for 95 % (Sen 1968), so that neither
a step nor a moment of garbage decides. The master keeps a timeline of every second, by design: how large it is, is read
from the run's journal and allowed for. Exits with 1 if a process grows by more than that and `limit`, a descriptor is
left, a connection is not accounted for, a second is missing, or too few different errors came for that to say much.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from loadtest.profiles import parse_duration
from loadtest.results import Record, Summary
from loadtest.results.journal import Reader

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from programs import Cluster, Server, demo_backend  # type: ignore[import-not-found] # found by the line above

EVERY_S = 5.0
SHORT_LIMIT, LONG_LIMIT = 30.0, 6.0
"""MB an hour that a process may grow by in a run of 10 minutes, and of 50: what is new to it comes ever less often."""
SHORT_S = 600.0
LEFT = 4
"""So many descriptors more than connections are no leak: one is opened while others are counted."""
WARM_S = 120.0
"""Names, buckets and caches come up in the first minutes; a run that is not longer says nothing about memory."""
WORKERS = 2
USERS = 60
NAMES = 8
"""Of requests that fail. A histogram comes to its full size with some hundred times: rare ones would take an hour."""


def profile(seconds: float) -> dict[str, Any]:
    """Subscribers that come and go, and pollers of paths that fail, each under names with a number in them."""
    names = [{"get": f"/api/none/{number}", "weight": 5, "expect": {"status": 200}} for number in range(NAMES)]
    return {
        "name": "soak",
        "target": {"url": "demo", "clock": "/time"},
        "users": {
            "subscribers": {
                "websocket": "/ws/market",
                "share": 2,
                "not_data": [{"binary": True}, {"keys": ["type"]}],
                "send_time": {"field": "server_time"},
                "session": {"length": "5s..20s"},
            },
            "pollers": {
                "share": 1,
                "pace": {"pause": "100ms..500ms"},
                "requests": [{"get": "/api/market/snapshot", "weight": 40}, *names],
            },
        },
        "load": [{"ramp": USERS, "over": "5s"}, {"hold": f"{seconds - 5:g}s"}],
    }


@dataclass
class Watched:
    """A process, and its memory (MB) and descriptors at each moment (s)."""

    name: str
    pid: int
    memory: list[tuple[float, float]] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def look(self, now: float) -> None:
        """Add what is there now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        self.memory.append((now, pages * os.sysconf("SC_PAGE_SIZE") / 1e6))
        self.descriptors.append(sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir()))

    def slope(self) -> tuple[float, float, float]:
        """(MB per hour, and from where to where it lies for 95 %), by Theil and Sen, after the first third and WARM_S.

        Zeros, and no bounds, for less than three moments.
        """
        points = [point for point in self.memory[len(self.memory) // 3 :] if point[0] > WARM_S]
        slopes = sorted((b[1] - a[1]) / (b[0] - a[0]) * 3600 for a, b in combinations(points, 2))
        count = len(points)
        if len(slopes) < 3:  # noqa: PLR2004 - no median to speak of
            return 0.0, float("-inf"), float("inf")
        spread = 1.96 * (count * (count - 1) * (2 * count + 5) / 18) ** 0.5
        low = max(round((len(slopes) - spread) / 2), 0)
        return median(slopes), slopes[low], slopes[len(slopes) - 1 - low]


def limit(seconds: float) -> float:
    """MB an hour that a process may grow by in a run of so many seconds: what can be told from warming up."""
    return max(LONG_LIMIT, SHORT_LIMIT * min(1.0, SHORT_S / seconds))


def vex(backend: Server, turn: int) -> None:
    """Other errors each time: another close code, another status, and messages lost, late, twice and out of order."""
    backend.faults(
        {"kind": "cut", "share": 0.5, "probability": 0.05, "size": 3000 + turn % 2000, "seed": turn},
        {"kind": "error", "share": 0.1, "size": 500 + turn % 100, "seed": turn},
        *({"kind": kind, "share": 0.2, "probability": 0.05, "seed": turn} for kind in ("drop", "duplicate", "swap")),
    )


def open_at(backend: Server) -> int:
    """WebSockets that the target has open."""
    return sum(channel["open"] for channel in backend.stats()["channels"].values())


def soak(seconds: float, folder: Path, backend: Server) -> int:
    """Run it; the exit code."""
    path = folder / "profiles" / "soak.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(profile(seconds)))
    spare: list[int] = []
    with Cluster(folder, path, backend.url) as cluster:
        workers = [cluster.start("worker") for _ in range(WORKERS)]
        master = cluster.start("master", "--headless", "--workers", str(WORKERS))
        watched = [Watched("master", master.pid)]
        watched += [Watched(f"worker {number}", worker.pid) for number, worker in enumerate(workers, 1)]
        began = time.monotonic()
        while master.poll() is None and (now := time.monotonic() - began) < seconds:
            vex(backend, len(spare))
            for each in watched:
                each.look(now)
            spare.append(sum(each.descriptors[-1] for each in watched[1:]) - open_at(backend))
            time.sleep(EVERY_S)
        run = cluster.finished(master, timeout=120)
    kept = timeline_of(next(folder.glob("runs/*/records.journal"))) / seconds * 3600
    return report(watched, spare, run.summary, seconds, kept)


def timeline_of(journal: Path) -> float:
    """MB that the timeline of a run takes."""
    summary: Summary | None = None
    for entry in Reader().feed(journal.read_bytes()):
        if isinstance(entry, Record):
            summary = summary or Summary(entry.run)
            summary.add(entry)
    return summary.timeline.size / 1e6 if summary is not None else 0.0


def left(spare: list[int]) -> float:
    """Descriptors of the workers that are none of the target's WebSockets: how many more in the last third."""
    third = len(spare) // 3
    return median(spare[2 * third :]) - median(spare[third : 2 * third]) if third else float("inf")


def unaccounted(summary: dict[str, Any]) -> list[str]:
    """Groups of which a connection has no beginning or no end in the ledger."""
    ledgers = summary.get("ledger", {})
    return [f"{group}: {ledger}" for group, ledger in ledgers.items() if ledger["open"] or ledger["pending"]]


def report(watched: list[Watched], spare: list[int], summary: dict[str, Any], seconds: float, kept: float) -> int:
    """Print what was seen; 1 if something grew. `kept`: MB an hour that the timeline grows by."""
    wrong = []
    allowed = limit(seconds)
    print(f"{'process':<10} {'MB first':>9} {'MB last':>8} {'MB/hour':>8} {'95 % of it':>16} {'by design':>10}")
    for each in watched:
        slope, low, high = each.slope()
        design = kept if each.name == "master" else 0.0
        ends = f"{low:.1f} … {high:.1f}"
        first, last = each.memory[0][1], each.memory[-1][1]
        print(f"{each.name:<10} {first:>9.1f} {last:>8.1f} {slope:>8.1f} {ends:>16} {design:>10.1f}")
        wrong += [f"{each.name} grows by {slope:.1f} MB an hour"] if slope > design + allowed else []
        wrong += [f"{each.name} can't be judged: its slope lies {ends}"] if high - low > 2 * allowed else []
    print(f"allowed beyond the design: {allowed:.1f} MB an hour; a leak that is slower takes a longer run to show")
    more = left(spare)
    print(f"descriptors of the workers beyond the target's connections: {more:+g} in the last third")
    wrong += [f"{more:g} descriptors are left"] if more > LEFT else []
    wrong += [f"connections are not accounted for: {each}" for each in unaccounted(summary)]
    records = {worker["name"]: worker["seconds"] for worker in summary.get("workers", [])}
    wrong += [f"{name} has {count} Records of {seconds:g} s" for name, count in records.items() if count < seconds - 2]
    wrong += ["no result"] if not records else []
    errors = Counter[str]()
    for error in summary.get("errors", []):
        errors[error["name"]] += error["count"]
    messages = sum(worker["messages"] for worker in summary.get("workers", []))
    print(f"Records: {json.dumps(records)}; {messages:,} messages; {errors.total():,} errors, {len(errors)} different")
    wrong += ["too few different errors to say anything"] if len(errors) < len(spare) / 4 else []
    print("\n".join(wrong) or "flat")
    return bool(wrong)


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--duration", type=parse_duration, default=1200.0)
    options = parser.parse_args()
    with TemporaryDirectory() as folder, demo_backend() as backend:
        return soak(options.duration, Path(folder), backend)


if __name__ == "__main__":
    sys.exit(main())
