"""What the subscribers of one group share on one worker: series, counters, endpoints, open connections.

What each connection does with a message is subscription.py's.
"""

from collections.abc import Callable

from msgspec import structs

from loadtest.errors import ConnectFailed
from loadtest.fanout import Audience, AudienceReport
from loadtest.messages import Inspector
from loadtest.profiles import Target, WebSocketGroup
from loadtest.swarm.clocks import TargetClock
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.comings import Comings
from loadtest.swarm.endpoints import connect_options
from loadtest.swarm.subscription import Endpoint, Subscription
from loadtest.swarm.tls import Resumption
from loadtest.swarm.together import Together
from loadtest.swarm.websocket import Connection

__all__ = ["Subscribers"]

STOOD_STILL_S = 2.0
"""A worker that looks at its connections, once a second, this long (s) after the last time, could not read either."""


class Subscribers:
    """One group on one worker: its series, counters, inspector and open connections, shared by all its users."""

    subscription: type[Subscription] = Subscription
    connection: type[Connection] = Connection

    def __init__(self, session: WorkerSession, name: str, group: WebSocketGroup, target: Target) -> None:
        self.session = session
        self.name = name
        self.group = group
        self.target = target
        recorder = session.recorder
        path = group.websocket.partition("?")[0]
        self.tally = recorder.tally(name)
        self.connect_times = recorder.meter(name, "websocket", "connect", path)
        self.deliveries = recorder.meter(name, "websocket", "delivery", path)
        self.returns = recorder.meter(name, "websocket", "reconnect", path)
        self.intakes = recorder.meter(name, "websocket", "intake", path)
        self.ages = None if group.freshness is None else recorder.meter(name, "websocket", "freshness", path)
        self.gaps = recorder.meter(name, "websocket", "gap", path)
        self.pings = recorder.meter(name, "websocket", "ping", path)
        self.comings = Comings(group.session, session.elapsed)
        self.open: set[Subscription] = set()
        self.users = 0
        self._path = path
        self._endpoints: list[Endpoint] = []
        self._next = 0
        self._looked = session.clock.monotonic()
        recorder.gauges[name] = self._gauges
        recorder.audiences.append(self._report)
        session.each_second.append(self._each_second)

    def begin(self, targets: list[str], clocks: Callable[[str], TargetClock], seed: int) -> None:
        """A run begins: connect to these targets from now on."""
        self.comings.seed(f"{seed}/{self.session.index}/{self.name}")
        self._endpoints = [self._endpoint(base, clocks(base)) for base in targets]
        self._next = self.session.index

    @property
    def _shares(self) -> bool | None:
        """Whether its messages are broadcasts, as Audience takes it."""
        return self.group.broadcast

    def _endpoint(self, base: str, clock: TargetClock) -> Endpoint:
        audience = Audience(self.tally, (self.name, base, self._path), shares=self._shares)
        options = connect_options(self.target, self.group, base)
        endpoint = Endpoint(options, clock, audience, Inspector(self.group))
        if self.subscription is Subscription:  # a slow one times its messages otherwise
            options.repeat.together = Together(self, endpoint)
        return endpoint

    def retire(self) -> None:
        """The run is over, and so is this group."""
        self.session.each_second.remove(self._each_second)
        self.session.recorder.gauges.pop(self.name, None)
        self.session.recorder.audiences.remove(self._report)

    def endpoint(self) -> Endpoint:
        """Where the next user connects: the targets in turn."""
        endpoint = self._endpoints[self._next % len(self._endpoints)]
        self._next += 1
        return endpoint

    def subscribe(
        self,
        endpoint: Endpoint,
        wake: Callable[[], None],
        due: int | None = None,
        resumption: Resumption | None = None,
    ) -> Subscription:
        """Connect, blocking the calling greenlet; `resumption` is the user's.

        `due` is the sequence number that its user would have got next.

        Raises:
            ConnectFailed: counted already.
        """
        endpoint.clock.wait_for_first()
        self.tally.connects += 1
        subscription = self.subscription(self, endpoint, wake)
        subscription.resumes = due
        try:
            subscription.connection = self.connection.connect(endpoint.options, subscription, resumption)
        except ConnectFailed as failure:
            self._count_failure(failure)
            raise
        except BaseException:  # the greenlet was killed while connecting
            self.tally.connects_cancelled += 1
            raise
        subscription.opened()
        return subscription

    def _count_failure(self, failure: ConnectFailed) -> None:
        self.tally.connects_failed += 1
        if failure.status is None and not failure.ours:
            self.tally.unreachable += 1
        self.connect_times.fail()
        self.session.recorder.ending(self.name, "failed (ours)" if failure.ours else "failed", failure.name)
        self.session.recorder.error(self.name, failure.name)

    def error(self, name: str) -> None:
        """Count an error under its stable name."""
        self.session.recorder.error(self.name, name)

    def _gauges(self) -> dict[str, int]:
        return {"users": self.users, "open": len(self.open)}

    def _each_second(self) -> None:
        now = self.session.clock.monotonic()
        stood_still, self._looked = now - self._looked > STOOD_STILL_S, now
        for subscription in list(self.open) if not stood_still else ():  # it has not read yet what came meanwhile
            subscription.look_after(now)
        self._note_steps()
        if any(endpoint.audience.numbered for endpoint in self._endpoints):
            self.tally.sequenced = self.tally.messages

    def _note_steps(self) -> None:
        """By which times latencies are reckoned, and how coarse those are, shows after some messages."""
        inspectors = [endpoint.inspector for endpoint in self._endpoints]
        self.deliveries.step = max((inspector.send_steps.step for inspector in inspectors), default=0)
        if self.ages is not None:
            self.ages.step = max((inspector.data_steps.step for inspector in inspectors), default=0)

    def _report(self, now: float, offset: float, error: float, late: float, *, final: bool) -> list[AudienceReport]:
        reports = [endpoint.audience.report(now, offset, error, final=final) for endpoint in self._endpoints]
        if not self.tally.unstamped:
            return reports
        return [structs.replace(report, late=round(late * 1e6)) for report in reports]
