"""A broadcast that many connections of an endpoint got in one turn, counted in one go. Exactly as one by one."""

from typing import TYPE_CHECKING, Any

from loadtest.fanout import Broadcast
from loadtest.messages import Inspected, Kind
from loadtest.swarm.readers import Gathered
from loadtest.swarm.subscription import Endpoint, Subscription

if TYPE_CHECKING:
    from loadtest.swarm.subscribers import Subscribers

__all__ = ["Together"]

FEW = 4
"""Fewer cost less one by one."""


class Together:
    """What counts the repeated frame of an endpoint for many of its subscriptions; returns those that it does not.

    It takes the ordinary case: data, in order, for connections in the middle of nothing that nobody listens to. It must
    do what Subscription.on_read and on_message do.
    """

    def __init__(self, shared: "Subscribers", endpoint: Endpoint) -> None:
        self._shared = shared
        self._endpoint = endpoint
        self._repeat = endpoint.options.repeat

    def __call__(self, same: Gathered) -> Gathered:
        """Count it for those that it can be counted for here."""
        repeat = self._repeat
        if len(same) < FEW or self._shared.group.session.messages is not None:  # the last one wakes its user
            return same
        seen = self._endpoint.inspector.inspect(repeat.payload, repeat.text)
        broadcast = seen.broadcast
        if seen.kind is not Kind.DATA or broadcast is None or (due := broadcast.turn) is None:
            return same
        timed = seen.send_time is not None and self._endpoint.clock.offset is not None
        times: list[float] = []
        waits: list[float] = []
        gaps: list[float] = []
        rest: Gathered = []
        for one in same:
            reader, received, waited = one
            taker: Any = reader.taker  # the Connection
            if taker.repeat is not repeat or waited is None:  # it was closed meanwhile; the kernel told no time
                rest.append(one)
                continue
            follower: Subscription = taker.receiver
            if follower.next != due or follower.inbox is not None or not taker.session.idle:
                rest.append(one)
                continue
            if not timed and follower.messages:
                gaps.append(received - follower.last)
            follower.next = due + 1
            follower.messages += 1
            follower.last = received
            follower.silent = False
            times.append(received)
            waits.append(waited)
        if times:
            self._count(seen, broadcast, times, waits, gaps)
        return rest

    def _count(
        self, seen: Inspected, broadcast: Broadcast, times: list[float], waits: list[float], gaps: list[float]
    ) -> None:
        """Add them up; `waits` and `gaps` are as Subscription records them."""
        shared, count = self._shared, len(times)
        tally, offset = shared.tally, self._endpoint.clock.offset
        tally.messages += count
        tally.received_bytes += count * len(self._repeat.payload)
        broadcast.got += count
        broadcast.first = min(broadcast.first, *times)
        broadcast.last = max(broadcast.last, *times)
        shared.intakes.record_all(waits)
        shared.gaps.record_all(gaps)
        if seen.send_time is not None:
            if offset is None:
                tally.unclocked += count
            else:
                since = offset - seen.send_time
                shared.deliveries.record_all([received + since for received in times])
        if shared.ages is not None:
            if seen.data_time is None:
                tally.undated += count
            elif offset is not None:
                since = offset - seen.data_time
                shared.ages.record_all([received + since for received in times])
            elif seen.send_time is None:
                tally.unclocked += count
