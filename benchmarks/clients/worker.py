"""A worker as it runs in a cluster, without a master: real users, real session; only the link answers itself.

`python -m benchmarks.clients.worker subscriber|poller|heard|full PORT` (heard: with a listener of the user's own);
commands: connect N, subscribe N, report, lag, pauses.
"""

import gc
import sys
import time
from typing import Any

from locust.env import Environment

import gevent
import msgpack
from gevent.pool import Pool

from benchmarks.clients.control import serve
from loadtest import profiles
from loadtest.clock import SystemClock
from loadtest.results import Record
from loadtest.swarm import locust_patches
from loadtest.swarm.catalog import Catalog
from loadtest.swarm.cluster.messages import Ack, Begin, ClockAsk, ClockTell, name_of
from loadtest.swarm.cluster.reports import RECORDS
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.health import raise_descriptor_limit
from loadtest.swarm.profile_users import user_classes_of
from loadtest.swarm.sessions import LocalSession, attach

RUN = "bench"
IN_FLIGHT = 64
"""Connects at a time, as in the reference."""
LAG_TICK_S = 0.005

PROFILE = """
name: bench
target: {url: http://127.0.0.1:1, clock: same}
users:
  subscriber:
    websocket: /ws
    count: 1
    expect: {keys: [server_time, id]}
    not_data: [{binary: true}, {keys: [type]}]
    send_time: {field: server_time, unit: s}
    sequence: seq
    silence: 10s
  idler:
    websocket: /ws
    count: 1
  poller:
    count: 1
    requests: [{get: /quotes, expect: {status: 200, keys: [quotes, server_time]}}]
    pace: {pause: 0s}
  heard: &same
    count: 1
    requests: [{get: /quotes, expect: {status: 200, keys: [quotes, server_time]}}]
    pace: {pause: 0s}
  full: {<<: *same, client: full}
load: [{step: 5}, {hold: 1h}]
"""


class SelfAnswering:
    """The link of a worker whose master is content: packs each Record as Locust's socket does, and acknowledges it."""

    def __init__(self) -> None:
        self.session: WorkerSession
        self.packed: list[bytes] = []
        self.next = 0

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:  # noqa: ARG002 - a Link
        """Keep Records, and tell the time: who gets which broadcast is reported by the master's clock."""
        if msg_type == name_of(ClockAsk):
            now = time.monotonic()
            self._answer(ClockTell, {"asked": data["asked"], "heard": now, "told": now})
        if msg_type != RECORDS:
            return
        self.packed.append(msgpack.dumps(data))
        serials = list(range(self.next, self.next + len(data)))
        self.next += len(data)
        self._answer(Ack, {"run": RUN, "incarnation": 0, "serials": serials})

    def _answer(self, kind: type[Any], wire: dict[str, Any]) -> None:
        gevent.get_hub().loop.run_callback(self.session.receive, kind, wire)

    def totals(self) -> dict[str, dict[str, int]]:
        """What all Records together say: counters and errors."""
        counted: dict[str, dict[str, int]] = {"counters": {}, "errors": {}}
        for wire in (wire for packed in self.packed for wire in msgpack.loads(packed)):
            record = Record.from_wire(wire)
            for what, groups in (("counters", record.counters), ("errors", record.errors)):
                for name, count in (item for counts in groups.values() for item in counts.items()):
                    counted[what][name] = counted[what].get(name, 0) + count
        return counted


class LagMeter:
    """How late the hub runs a timer: finer than the worker's own, to have a percentile of a few seconds.

    It ticks from the first look on: where nobody looks, 200 wake-ups a second would be charged to the messages.
    """

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._lags: list[float] = []
        self._due = 0.0
        self._timer: Any = None

    def _tick(self) -> None:
        now = self._clock.monotonic()
        self._lags.append(now - self._due)
        self._due = now + LAG_TICK_S

    def take(self) -> dict[str, float | None]:
        """The 99th percentile in seconds since the last call."""
        if self._timer is None:
            self._due = self._clock.monotonic() + LAG_TICK_S
            self._timer = gevent.get_hub().loop.timer(LAG_TICK_S, LAG_TICK_S)
            self._timer.start(self._tick)
        lags, self._lags = sorted(self._lags), []
        return {"p99": lags[int((len(lags) - 1) * 0.99)] if lags else None}


class Pauses:
    """How long Python's garbage collector stopped this process."""

    def __init__(self) -> None:
        self._began = self._longest = 0.0
        gc.callbacks.append(self._collected)

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.monotonic()
        else:
            self._longest = max(self._longest, time.monotonic() - self._began)

    def take(self) -> dict[str, float]:
        """The longest (s) since the begin, and what a look at everything takes now."""
        longest = self._longest
        gc.unfreeze()
        began = time.monotonic()
        gc.collect()
        return {"longest": longest, "full": time.monotonic() - began}


class Worker:
    """One group's users on one worker, and the commands of the benchmark."""

    def __init__(self, group: str, port: int) -> None:
        profile = profiles.load(PROFILE)
        classes = user_classes_of(profile.name, profile.users, profile.target, lambda _profile, name: name)
        self.group, self.url = group, f"http://127.0.0.1:{port}"
        self.user_class: Any = classes[group]
        self.environment = Environment(user_classes=[self.user_class])
        if group == "heard":
            self.environment.events.request.add_listener(lambda **_event: None)
        self.runner = self.environment.create_local_runner()
        locust_patches.apply(self.environment)
        self.link = SelfAnswering()
        self.session = self.link.session = WorkerSession(self.link, SystemClock(), "bench", {})
        self.local = LocalSession(self.environment, self.session, Catalog())
        attach(self.environment, self.local)
        self.session.begin(Begin(RUN, 0.0, [self.url]))
        self.lag = LagMeter(SystemClock())
        self.pauses = Pauses()

    def connect(self, users: int) -> dict[str, int]:
        """Start so many users, and wait until all of them are connected."""
        self.runner.spawn_users({self.group: users}, wait=False)
        gauges = self.session.recorder.gauges
        while self.group not in gauges or self._count() < users:
            gevent.sleep(0.02)
        return {"open": self._count()}

    def _count(self) -> int:
        gauges = self.session.recorder.gauges[self.group]()
        return gauges.get("open", gauges["users"])

    def subscribe(self, connections: int) -> dict[str, int]:
        """Connect so many times as users do, without the users."""
        shared = self.local.subscribers(self.user_class)
        pool, endpoint = Pool(IN_FLIGHT), shared.endpoint()
        for _ in range(connections):
            pool.spawn(shared.subscribe, endpoint, lambda: None)
        pool.join()
        return {"open": len(shared.open)}

    def report(self) -> dict[str, Any]:
        """What the Records so far say; the second that is not over yet is not in them."""
        return self.link.totals()


def main() -> None:
    """Do as told."""
    raise_descriptor_limit()
    worker = Worker(sys.argv[1], int(sys.argv[2]))
    serve(
        {
            "connect": worker.connect,
            "subscribe": worker.subscribe,
            "report": worker.report,
            "lag": worker.lag.take,
            "pauses": worker.pauses.take,
        }
    )


if __name__ == "__main__":
    main()
