"""What the pollers of one group share on one worker, and one poller's requests: when due, what, and how they went."""

import random
from bisect import bisect
from itertools import accumulate
from typing import Any

from locust.exception import ResponseError

from loadtest.answers import AnswerInspector
from loadtest.profiles import Request as RequestSpec
from loadtest.profiles import RestGroup, Target
from loadtest.swarm.client_response import ClientResponse, Outcome
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.http import UNANSWERED, Answer, RequestFailed
from loadtest.swarm.recorder import Meter
from loadtest.swarm.requests import RequestLog
from loadtest.swarm.sending import connection_to, request_to

__all__ = ["Poller", "Pollers"]

UNREACHABLE_PAUSE_S = 0.5
"""The shortest wait after a request that reached no server, whatever the pace says."""


class Planned:
    """One kind of request of a group: its bytes for each target, its series, its checks."""

    __slots__ = ("by_target", "inspector", "response", "service", "spec")

    def __init__(self, session: WorkerSession, group: str, spec: RequestSpec) -> None:
        self.spec = spec
        self.service = session.recorder.meter(group, "rest", "service", spec.name)
        self.response = session.recorder.meter(group, "rest", "response", spec.name)
        self.inspector = AnswerInspector(spec.expect)
        self.by_target: dict[str, Any] = {}


class Pollers:
    """One group on one worker: its requests and counters, shared by all its users."""

    def __init__(self, session: WorkerSession, name: str, group: RestGroup, target: Target) -> None:
        self.session = session
        self.name = name
        self.group = group
        self.target = target
        self.tally = session.recorder.tally(name)
        self.planned = [Planned(session, name, spec) for spec in group.requests]
        self.random = random.Random(name)
        self.users = 0
        self._weights = list(accumulate(spec.weight for spec in group.requests))
        self.targets: list[str] = []
        self._next = 0
        self.connect_times = session.recorder.meter(name, "rest", "connect", "connection")
        self.intakes = session.recorder.meter(name, "rest", "intake", "connection")
        self.send_lag: Meter | None = None
        self.log: RequestLog | None = None
        """What listeners of the user's own are told by."""
        session.recorder.gauges[name] = lambda: {"users": self.users}

    def begin(self, targets: list[str], seed: int) -> None:
        """A run begins: these targets from now on."""
        self.random.seed(f"{seed}/{self.session.index}/{self.name}")
        self.targets = targets
        self._next = self.session.index
        for planned in self.planned:
            planned.by_target = {url: request_to(url, self.target, self.group, planned.spec) for url in targets}

    def retire(self) -> None:
        """The run is over, and so is this group."""
        self.session.recorder.gauges.pop(self.name, None)

    def draw(self) -> Planned:
        """The next request, drawn by weight."""
        return self.planned[bisect(self._weights, self.random.random() * self._weights[-1])]

    def poller(self) -> "Poller":
        """A new user's requests, on the next target in turn."""
        return Poller(self, self.next_target())

    def next_target(self) -> str:
        """One target after the other."""
        self._next += 1
        return self.targets[(self._next - 1) % len(self.targets)]


class Poller:
    """One user: one connection, one request at a time, each due by schedule.

    With `pause`, a request is due that long after the last answer. With `every`, it is due that long after the last
    one was due, answered or not: lateness counts into the response time, so that a stall is charged to every request
    that it delayed (coordinated omission).
    """

    def __init__(self, shared: Pollers, target: str) -> None:
        self.shared = shared
        self.target = target
        # Any: which connection takes which requests is for `sending` to know, and the hot path asks nobody.
        self.connection: Any = connection_to(target, shared.target, shared.group)
        self._clock = shared.session.clock
        self._due = self._clock.monotonic()

    def until_due(self) -> float:
        """Seconds until the next request is due; 0 or less when it is."""
        return self._due - self._clock.monotonic()

    def poll(self) -> None:
        """Send the request that is due, wait for its answer, count both, and schedule the next."""
        due = self._due
        done, unreachable = self.send(due)
        pace = self.shared.group.pace
        if pace.every is not None:
            self._due = due + pace.every
        else:
            pause = pace.pause
            self._due = done + (self.shared.random.uniform(*pause) if pause is not None else 0.0)
        if unreachable:  # nothing answers: do not spin
            self._due = max(self._due, self._clock.monotonic() + UNREACHABLE_PAUSE_S)

    def send(self, due: float) -> tuple[float, bool]:
        """Send a request that was due at `due`, wait for its answer, and count both: (done, whether unreachable)."""
        shared = self.shared
        planned = shared.draw()
        shared.tally.requests += 1
        try:
            answer = self.connection.request(planned.by_target[self.target])
        except RequestFailed as failure:
            self._failed(planned, failure)
            self._tell(planned, due, failure, failure)
            return self._clock.monotonic(), failure.unreachable
        except BaseException:  # the greenlet was killed, or this is a bug: the request must not vanish from the counts
            shared.tally.requests_cancelled += 1
            self._failed(planned, RequestFailed(UNANSWERED))
            raise
        planned.service.record(answer.done - answer.sent)
        planned.response.record(answer.done - due)
        planned.service.size += len(answer.response.body)
        planned.response.size += len(answer.response.body)
        shared.tally.retries += answer.retries
        if answer.waited is None:
            shared.tally.unstamped += 1
        else:
            shared.intakes.record(answer.waited)
        if answer.connect_s is not None:
            shared.connect_times.record(answer.connect_s)
        problem = planned.inspector.problem(answer.response.status, answer.response.body)
        if problem is not None:
            planned.service.failures += 1
            planned.response.failures += 1
            shared.tally.requests_failed += 1
            shared.session.recorder.error(shared.name, problem)
        self._tell(planned, due, answer, None if problem is None else ResponseError(problem))
        if shared.send_lag is not None:
            shared.send_lag.record(answer.sent - due)
        return answer.done, False

    def _tell(self, planned: Planned, due: float, end: Answer | RequestFailed, problem: Exception | None) -> None:
        """Let a listener of the user's own know, if there is one."""
        log = self.shared.log
        if log is None or not log.heard:
            return
        spec = planned.spec
        response = ClientResponse(self.target + spec.path, end)
        name = spec.name.removeprefix(f"{spec.method} ")
        outcome = Outcome(
            spec.method, name, response, due, end.sent, end.done, end.retries, {"group": self.shared.name}
        )
        outcome.judge(problem)
        log.tell(outcome)

    def _failed(self, planned: Planned, failure: RequestFailed) -> None:
        shared = self.shared
        planned.service.fail()
        planned.response.fail()
        shared.tally.requests_failed += 1
        shared.tally.unreachable += failure.unreachable
        shared.session.recorder.error(shared.name, failure.name)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
