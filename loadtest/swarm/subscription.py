"""One connection of a subscriber, and what it does with a message.

What the hub's callback calls here must not block and must not switch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadtest.fanout import Audience, Follower
from loadtest.messages import Inspected, Inspector, Kind
from loadtest.swarm.clocks import TargetClock
from loadtest.swarm.recorder import Meter
from loadtest.swarm.websocket import Closed, Connection, ConnectOptions

if TYPE_CHECKING:
    from loadtest.swarm.subscribers import Subscribers

__all__ = ["Endpoint", "Subscription"]

PING_EVERY_S = 5.0
"""How often a connection without send times is pinged: ping RTT is then what is known of its latency."""
INVALID_PAYLOAD = 1007
INVALID_UTF8 = "message: invalid UTF-8"
CLOSED_BY_US = "closed by us"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A target as one group uses it."""

    options: ConnectOptions
    clock: TargetClock
    audience: Audience
    inspector: Inspector


class Subscription(Follower):
    """One connection of a user: the Receiver that the hub's callback feeds."""

    __slots__ = ("audience", "clock", "closed", "connection", "inbox", "inspector", "messages", "pinged", "shared",
                 "silent", "wake")  # fmt: skip

    connection: Connection

    def __init__(self, shared: "Subscribers", endpoint: Endpoint, wake: Callable[[], None]) -> None:
        super().__init__(shared.session.clock.monotonic())
        self.shared = shared
        self.clock = endpoint.clock
        self.audience = endpoint.audience
        self.inspector = endpoint.inspector
        self.wake = wake
        self.closed: Closed | None = None
        self.messages = 0
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

    def on_read(self, waited: float | None) -> None:
        """Record what the generator added between kernel and callback."""
        if waited is None:
            self.shared.tally.unstamped += 1
        else:
            self.shared.intakes.record(waited)

    def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: FBT001 - the Receiver's signature
        """Count, check and time one message."""
        shared = self.shared
        tally = shared.tally
        tally.received_bytes += len(payload)
        seen = self.inspector.inspect(payload, text)
        if seen.kind is Kind.DATA:
            tally.messages += 1
            broadcast = seen.broadcast
            if broadcast is not None and broadcast.turn == self.next:  # in order: Broadcast.hear, written out
                self.next += 1
                broadcast.got += 1
                if received > broadcast.last:
                    broadcast.last = received
                elif received < broadcast.first:
                    broadcast.first = received
            else:
                self.audience.place(self, seen, payload, received)
            self._time(seen.send_time, received)
            if shared.ages is not None:
                self._age(shared.ages, seen, received)
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

    def _age(self, ages: Meter, seen: Inspected, received: float) -> None:
        """Record how old the newest (or oldest) data of a message was when it came."""
        if seen.data_time is None:
            self.shared.tally.undated += 1
        elif self.clock.offset is not None:
            ages.record(received + self.clock.offset - seen.data_time)
        elif seen.send_time is None:  # else it has been counted
            self.shared.tally.unclocked += 1

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
        why = f"{end.name}: {end.code}" if end.name == CLOSED_BY_US and end.code is not None else end.name
        shared.session.recorder.ending(shared.name, f"closed by {end.by}", why)
        shared.open.discard(self)
        self.audience.leave(self, shared.session.clock.monotonic())
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
        if self.gaps:
            self.audience.look_after(self, now)
        self.audience.misses.quiet(self, now - self.last)
        if group.silence is not None and not self.silent and now - self.last > group.silence:
            self.silent = True
            self.shared.tally.silences += 1
            self.shared.error("silent: connected, but no data for longer than `silence`")
        if (group.send_time is None or self.clock.offset is None) and now - self.pinged >= PING_EVERY_S:
            self.pinged = now
            self.connection.ping()
