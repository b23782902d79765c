"""What the subscribers of one group share on one worker, and what each connection does with a message.

Everything here that a connection calls runs in the hub's callback: it must not block and must not switch.
"""

import random
from collections.abc import Callable

from loadtest.errors import ConnectFailed
from loadtest.messages import Inspector, Kind
from loadtest.profiles import Target, WebSocketGroup
from loadtest.swarm.clocks import TargetClock
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.endpoints import connect_options
from loadtest.swarm.websocket import Closed, Connection, ConnectOptions

__all__ = ["Subscribers", "Subscription"]

PING_EVERY_S = 5.0
"""How often a connection without send times is pinged: ping RTT is then what is known of its latency."""
INVALID_PAYLOAD = 1007
INVALID_UTF8 = "message: invalid UTF-8"
CLOSED_BY_US = "closed by us"


class Subscribers:
    """One group on one worker: its series, counters, inspector and open connections, shared by all its users."""

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
        self.gaps = recorder.meter(name, "websocket", "gap", path)
        self.pings = recorder.meter(name, "websocket", "ping", path)
        self.inspector = Inspector(group)
        self.random = random.Random(name)
        self.open: set[Subscription] = set()
        self.users = 0
        self._endpoints: list[tuple[ConnectOptions, TargetClock]] = []
        self._next = 0
        recorder.gauges[name] = self._gauges
        session.each_second.append(self._each_second)

    def begin(self, targets: list[str], clocks: Callable[[str], TargetClock], seed: int) -> None:
        """A run begins: connect to these targets from now on."""
        self.random.seed(f"{seed}/{self.session.index}/{self.name}")
        self._endpoints = [(connect_options(self.target, self.group, base), clocks(base)) for base in targets]
        self._next = self.session.index

    def retire(self) -> None:
        """The run is over, and so is this group."""
        self.session.each_second.remove(self._each_second)
        self.session.recorder.gauges.pop(self.name, None)

    def endpoint(self) -> tuple[ConnectOptions, TargetClock]:
        """Where the next user connects: the targets in turn."""
        endpoint = self._endpoints[self._next % len(self._endpoints)]
        self._next += 1
        return endpoint

    def session_ends(self) -> float | None:
        """The monotonic time at which a session that begins now is closed by us; None: not by time."""
        now, session = self.session.clock.monotonic(), self.group.session
        ends = []
        if session.length is not None:
            ends.append(now + self.random.uniform(*session.length))
        if session.cut_every is not None:
            ends.append(now + self._next_cut_in(session.cut_every))
        return min(ends, default=None)

    def _next_cut_in(self, every: float) -> float:
        """Seconds to the next multiple of `every` in run time: the same moment on all workers."""
        return every - self.session.elapsed() % every

    def next_session_in(self, *, full: bool) -> float:
        """Seconds from the end of a session to the next one: at once, or with the others at the next cut."""
        every = self.group.session.cut_every
        return self._next_cut_in(every) if full and every is not None else 0.0

    def backoff(self, failures: int) -> float:
        """Seconds to wait after the n-th failure in a row: exponential, with the profile's jitter.

        Full jitter draws from 0 up to the ceiling ("Exponential Backoff And Jitter", M. Brooker, 2015), so that clients
        that failed together do not come back together.
        """
        reconnect = self.group.session.reconnect
        if reconnect is False:
            return 0.0
        least, most = reconnect.backoff
        ceiling = min(most, least * 2 ** min(failures - 1, 32))
        return self.random.uniform(0.0, ceiling) if reconnect.jitter == "full" else ceiling

    def subscribe(self, endpoint: tuple[ConnectOptions, TargetClock], wake: Callable[[], None]) -> "Subscription":
        """Connect, blocking the calling greenlet.

        Raises:
            ConnectFailed: counted already.
        """
        options, clock = endpoint
        clock.wait_for_first()
        self.tally.connects += 1
        subscription = Subscription(self, clock, wake)
        try:
            subscription.connection = Connection.connect(options, subscription)
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
        self.session.recorder.error(self.name, failure.name)

    def error(self, name: str) -> None:
        """Count an error under its stable name."""
        self.session.recorder.error(self.name, name)

    def _gauges(self) -> dict[str, int]:
        return {"users": self.users, "open": len(self.open)}

    def _each_second(self) -> None:
        now = self.session.clock.monotonic()
        for subscription in list(self.open):
            subscription.look_after(now)


class Subscription:
    """One connection of a user: the Receiver that the hub's callback feeds."""

    __slots__ = ("clock", "closed", "connection", "inbox", "last", "messages", "pinged", "shared", "silent", "wake")

    connection: Connection

    def __init__(self, shared: Subscribers, clock: TargetClock, wake: Callable[[], None]) -> None:
        self.shared = shared
        self.clock = clock
        self.wake = wake
        self.closed: Closed | None = None
        self.messages = 0
        self.last = shared.session.clock.monotonic()
        self.pinged = self.last - PING_EVERY_S + 1.0  # the first ping soon: sessions may be short
        self.silent = False
        self.inbox: Callable[[bytes, bool], None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether it has received as many data messages as the profile's session takes."""
        wanted = self.shared.group.session.messages
        return wanted is not None and self.messages >= wanted

    def hang_up(self, seconds: float) -> None:
        """Close with a close frame and wait for the server's; cut the connection if none comes. Blocks the caller."""
        if self.closed is None:
            self.connection.close()
            if self.connection.wait_closed(seconds) is None:
                self.connection.abort()

    def opened(self) -> None:
        """The upgrade was accepted."""
        shared = self.shared
        shared.tally.connected += 1
        shared.connect_times.record(self.connection.connect_s)
        if self.closed is None:
            shared.open.add(self)

    def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: FBT001 - the Receiver's signature
        """Count, check and time one message."""
        shared = self.shared
        tally = shared.tally
        tally.received_bytes += len(payload)
        seen = shared.inspector.inspect(payload, text)
        if seen.kind is Kind.DATA:
            tally.messages += 1
            self._time(seen.send_time, received)
            self.messages += 1
            if self.messages == shared.group.session.messages:
                self.wake()
        elif seen.kind is Kind.NOT_DATA:
            tally.not_data += 1
        else:
            self._bad(seen.error or "message: bad")
        if self.inbox is not None:
            self.inbox(payload, text)

    def _time(self, send_time: float | None, received: float) -> None:
        offset = self.clock.offset if send_time is not None else None
        if offset is not None and send_time is not None:
            self.shared.deliveries.record(received + offset - send_time)
        elif self.messages:
            self.shared.gaps.record(received - self.last)
        if send_time is not None and offset is None:
            self.shared.tally.unclocked += 1
        self.last = received
        self.silent = False

    def _bad(self, name: str) -> None:
        self.shared.tally.bad_messages += 1
        self.shared.error(name)
        if name == INVALID_UTF8:
            self.shared.tally.violations += 1
            self.connection.fail(INVALID_PAYLOAD, name)

    def on_pong(self, rtt: float) -> None:
        """Record a ping's round trip."""
        self.shared.pings.record(rtt)

    def on_closed(self, end: Closed) -> None:
        """The connection is gone: by us, by the server (with its code), or by the network."""
        self.closed = end
        shared = self.shared
        shared.open.discard(self)
        if end.by == "us":
            shared.tally.closed_by_us += 1
            self._closed_by_us(end.name)
        elif end.by == "server":
            shared.tally.closed_by_server += 1
        else:
            shared.tally.closed_by_network += 1
        if end.by != "us":
            shared.error(end.name)
        self.wake()

    def _closed_by_us(self, name: str) -> None:
        """Our Close is no error, unless the server's breach of the protocol made us close, or it never answered."""
        if name in (CLOSED_BY_US, INVALID_UTF8):
            return
        self.shared.error(name)
        if name.startswith("protocol error"):
            self.shared.tally.violations += 1

    def look_after(self, now: float) -> None:
        """Once a second: silence that lasts too long, and a ping where nothing else tells the latency."""
        group = self.shared.group
        if group.silence is not None and not self.silent and now - self.last > group.silence:
            self.silent = True
            self.shared.tally.silences += 1
            self.shared.error("silent: connected, but no data for longer than `silence`")
        if (group.send_time is None or self.clock.offset is None) and now - self.pinged >= PING_EVERY_S:
            self.pinged = now
            self.connection.ping()
