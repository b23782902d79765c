"""`make soak`: a long run under errors of every kind, and whether memory, descriptors and the timeline stay in order.

Prints memory of master and workers over time and their slope per hour, taken after the first third of the run. Exits
with 1 if one grows, a descriptor is left, or a second is missing.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from loadtest.profiles import parse_duration

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from programs import Cluster, Server, demo_backend  # type: ignore[import-not-found] # found by the line above

EVERY_S = 5.0
LIMIT_MB_PER_HOUR = 30.0
"""What a process may grow by: a Record of a second stays as about 1 kB of every worker's in the master's timeline."""
WARM_S = 120.0
"""Names, buckets and caches come up in the first minutes; a run that is not longer says nothing about memory."""
WORKERS = 2
USERS = 60


def profile(seconds: float) -> dict[str, Any]:
    """Subscribers that come and go, and pollers of paths that fail, each under names with a number in them."""
    names = [{"get": f"/api/none/{number}", "expect": {"status": 200}} for number in range(40)]
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

    def slope(self) -> float:
        """MB per hour, by least squares over the last two thirds and after WARM_S."""
        points = [point for point in self.memory[len(self.memory) // 3 :] if point[0] > WARM_S]
        if not points:
            return 0.0
        mean_t = sum(t for t, _ in points) / len(points)
        mean_m = sum(m for _, m in points) / len(points)
        spread = sum((t - mean_t) ** 2 for t, _ in points)
        return sum((t - mean_t) * (m - mean_m) for t, m in points) / spread * 3600 if spread else 0.0

    def leaked(self) -> int:
        """Descriptors more in the last third than in the middle one, at their highest."""
        third = len(self.descriptors) // 3
        return max(self.descriptors[2 * third :]) - max(self.descriptors[third : 2 * third])


def soak(seconds: float, folder: Path, backend: Server) -> int:
    """Run it; the exit code."""
    path = folder / "profiles" / "soak.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(profile(seconds)))
    backend.faults({"kind": "cut", "share": 0.05, "probability": 0.02})
    with Cluster(folder, path, backend.url) as cluster:
        workers = [cluster.start("worker") for _ in range(WORKERS)]
        master = cluster.start("master", "--headless", "--workers", str(WORKERS))
        watched = [Watched("master", master.pid)]
        watched += [Watched(f"worker {number}", worker.pid) for number, worker in enumerate(workers, 1)]
        began = time.monotonic()
        while master.poll() is None and time.monotonic() - began < seconds:
            for each in watched:
                each.look(time.monotonic() - began)
            time.sleep(EVERY_S)
        run = cluster.finished(master, timeout=120)
    return report(watched, run.summary, int(seconds))


def report(watched: list[Watched], summary: dict[str, Any], seconds: int) -> int:
    """Print what was seen; 1 if something grew."""
    wrong = []
    print(f"{'process':<10} {'MB first':>9} {'MB last':>8} {'MB/hour':>8} {'descriptors left':>17}")
    for each in watched:
        slope, leaked = each.slope(), each.leaked()
        print(f"{each.name:<10} {each.memory[0][1]:>9.1f} {each.memory[-1][1]:>8.1f} {slope:>8.1f} {leaked:>17}")
        wrong += [f"{each.name} grows by {slope:.1f} MB an hour"] if slope > LIMIT_MB_PER_HOUR else []
        wrong += [f"{each.name} has {leaked} descriptors more"] if leaked > USERS // WORKERS else []
    records = {worker["name"]: worker["seconds"] for worker in summary.get("workers", [])}
    wrong += [f"{name} has {count} Records of {seconds} s" for name, count in records.items() if count < seconds - 2]
    wrong += ["no result"] if not records else []
    print(f"Records: {json.dumps(records)}; errors: {sum(error['count'] for error in summary.get('errors', []))}")
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
