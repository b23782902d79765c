"""`python -m benchmarks.master_memory`: what eight hours of a run do to the memory of its master, in some minutes.

The master's parts are real (Records off the wire, their sums, the timeline, broadcasts, Locust's tables and charts, the
live page, the journal's encoding); workers, clock and network are not: run time goes as fast as the sums do. Printed
for each simulated hour: memory, by how much it grew, and how much of that is the timeline, which keeps every second by
design. Exits with 1 if the rest grows by more than REST_MB_PER_HOUR in an hour after the second.
"""

import argparse
import gc
import os
import random
import sys
import time
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from locust.runners import Runner
from locust.stats import RequestStats, update_stats_history

import msgpack
import msgspec

from loadtest.fanout import AudienceReport
from loadtest.fanout.reports import Heard, Joined, Left
from loadtest.histogram import Histogram
from loadtest.monitor import History, Judging, Moment, Span, exposition, status_of
from loadtest.results import Measured, Record, Summary
from loadtest.results.journal import encode
from loadtest.swarm.tables import Tables

REST_MB_PER_HOUR = 4.0
"""What everything but the timeline may grow by in an hour, once names and buckets are there."""
WARM_HOURS = 2
NAMES = 41
"""Of requests; all but the first fail. As in the soak."""
CONNECTIONS = 20
EPOCH = 1_700_000_000.0
HOUR = 3600


class Worker:
    """What one worker tells: deliveries and requests with a long tail, errors, connections that come and go."""

    def __init__(self, number: int) -> None:
        self.name = f"worker_{number}"
        self.chance = random.Random(number)
        self.opened: list[tuple[int, int, int]] = []
        self.connections = 0

    def told(self, second: int) -> bytes:
        """The Record of a second as it comes off the wire."""
        chance, errors, failed = self.chance, {}, 0
        series = [
            self._series("subscribers", "websocket", measure, "/ws/market", 2 * CONNECTIONS, 0)
            for measure in ("delivery", "intake", "gap")
        ]
        series += [self._series("subscribers", "websocket", "connect", "/ws/market", 2, 0)]
        for name in range(NAMES):
            count = 16 if name == 0 else chance.choice((0, 0, 1, 1, 1, 2))
            if count:
                bad = count if name else 0
                for measure in ("service", "response"):
                    series.append(self._series("pollers", "rest", measure, f"GET /api/none/{name}", count, bad))
                failed += bad
        errors["pollers"] = {"HTTP 404": failed} if failed else {}
        errors["subscribers"] = {f"closed by server: {4000 + second % 200}": 1}
        counters = {
            "subscribers": {"messages": 2 * CONNECTIONS, "connects": 2, "connected": 2, "closed_by_us": 2},
            "pollers": {"requests": 16 + failed, "requests_failed": failed},
        }
        gauges = {"subscribers": {"users": CONNECTIONS, "open": CONNECTIONS}, "pollers": {"users": 10}}
        health = {"cpu": 0.3 + chance.random() / 10, "lag_max": 0.003, "descriptors": 90.0, "clock_error": 0.0002}
        health["lag_max"] = 2.0 if second % 100 == 0 else chance.random() / 100  # sometimes over the limit
        record = Record("r1", self.name, 0, second, second, series, counters, errors, gauges, health)
        return cast("bytes", msgpack.dumps(msgspec.structs.replace(record, fanout=[self._report(second)]).to_wire()))

    def _series(self, group: str, kind: str, measure: str, name: str, count: int, failures: int) -> Measured:
        times = Histogram()
        for _ in range(count):
            times.record(self.chance.lognormvariate(-5.5, 0.8))
        return Measured(group, kind, measure, name, count, failures, 200 * count, times.to_wire())

    def _report(self, second: int) -> AudienceReport:
        """Two broadcasts a second, without numbers; two connections come, and two that came before go."""
        end = (second + 1) * 1_000_000
        heard = [self._heard(2 * second + half, end - 900_000 + half * 500_000) for half in (0, 1)]
        came = [(self.connections + each, end - 500_000, 2 * second + 1) for each in range(2)]
        self.connections += 2
        self.opened += came
        gone = [self.opened.pop(0) for _ in range(2)] if len(self.opened) > CONNECTIONS else []
        joined = [Joined(who, at, first, first, []) for who, at, first in came]
        left = [Left(who, at, end - 100_000, first, 2 * second + 1, []) for who, at, first in gone]
        about = ("subscribers", "http://127.0.0.1:9", "/ws/market")
        return AudienceReport(*about, end, 100, False, False, heard, joined, left)  # noqa: FBT003

    @staticmethod
    def _heard(number: int, at: int) -> Heard:
        return Heard(number, False, number, at, at + 10_000, CONNECTIONS, False, False)  # noqa: FBT003 - as on the wire


class Master:
    """The parts of a master that hear of Records."""

    def __init__(self) -> None:
        self.summary = Summary("r1")
        self.stats = RequestStats()
        self.tables = Tables(self.stats)
        self.history = History()
        self.judging = Judging()
        self.runner = cast("Runner", SimpleNamespace(stats=self.stats, user_count=100))
        self.journal = 0

    def second(self, second: int, told: list[bytes]) -> None:
        """A second of the run: its Records, and what is made of them."""
        for wire in told:
            record = Record.from_wire(msgpack.loads(wire, strict_map_key=False))
            if not self.summary.add(record):
                raise RuntimeError("a Record was not taken")
            self.journal += len(encode(record))
            self.tables.fill(record, EPOCH + second)
        if second % 5 == 0:
            update_stats_history(self.runner)
        if second >= 3:  # noqa: PLR2004 - as Watch does
            self.judging.judge_second(self.summary)
            self.history.fold(Span.of(self.summary, second - 3))
        if second % 60 == 0:
            status = status_of(Moment("r1", "soak"), self.summary, self.history.recent(), self.judging)
            exposition(status, self.summary)


def resident() -> float:
    """MB that this process has in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def show_growth(before: tracemalloc.Snapshot | None) -> tracemalloc.Snapshot:
    """Print which lines of the code hold more than at the last look."""
    gc.collect()
    now = tracemalloc.take_snapshot()
    for line in now.compare_to(before, "lineno")[:12] if before is not None else []:
        print(f"    {line.size_diff / 1e6:+8.2f} MB {line.count_diff:+9,}  {line.traceback}")
    return now


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--hour", type=int, default=HOUR, help="seconds of a row")
    parser.add_argument("--trace", action="store_true", help="also show which lines hold what was added (slow)")
    options = parser.parse_args()
    workers = [Worker(number) for number in range(1, options.workers + 1)]
    master = Master()
    traced: tracemalloc.Snapshot | None = None
    if options.trace:
        tracemalloc.start(3)
    grown = 0.0
    before, kept = resident(), 0.0
    print("| hour | memory | grew by | timeline grew by | the rest | CPU a Record, with making it |", flush=True)
    print("| --- | --- | --- | --- | --- | --- |")
    began = time.process_time()
    for second in range(int(options.hours * HOUR)):
        master.second(second, [worker.told(second) for worker in workers])
        if (second + 1) % options.hour == 0:
            now, size = resident(), master.summary.timeline.size / 1e6
            spent = (time.process_time() - began) / options.hour / len(workers) * 1000
            rest = (now - before) - (size - kept)
            hour = (second + 1) / HOUR
            print(
                f"| {hour:g} | {now:.1f} MB | {now - before:+.1f} | {size - kept:+.1f} | {rest:+.1f} | {spent:.2f} ms |"
            )
            sys.stdout.flush()
            grown = max(grown, rest * HOUR / options.hour) if hour > WARM_HOURS else grown
            traced = show_growth(traced) if options.trace else None
            before, kept, began = now, size, time.process_time()
    return grown > REST_MB_PER_HOUR


if __name__ == "__main__":
    sys.exit(main())
