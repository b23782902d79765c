"""The connections of one group to one target on one worker, and the broadcasts they get. Pure: times are given.

Master's part, over all workers: merge.py.
"""

from collections.abc import Callable

from loadtest.fanout.broadcast import Broadcast, Follower
from loadtest.fanout.gaps import Gaps
from loadtest.fanout.known import KEEP_S, Known
from loadtest.fanout.marks import Marks
from loadtest.fanout.misses import Misses
from loadtest.fanout.reports import AudienceReport, Heard
from loadtest.fanout.roll import SETTLED_S, Roll
from loadtest.fanout.seen import Counts, Seen

__all__ = ["LOST_S", "Audience"]

LOST_S = 10.0
"""A number that was passed over and did not come for this long (s) is lost; until then it is only late."""
MAX_JUMP = 100_000
"""A sequence that moves on by more has begun anew: nobody misses that many in one go."""
NEAR = 64
"""How far before a connection's first number a message may still be a late one of the same sequence."""
TOLD_S = 2.0
"""A broadcast that began this long ago (s) is told to the master; what comes after that, a second later."""
AGAIN_S = 5.0
"""Without sequence numbers, a first message whose payload nobody got for this long (s) is another broadcast."""
NEW_S = 1.0
"""Without sequence numbers, the time of a first message counts for a broadcast that is younger than this (s)."""
COPY_S = 0.1
"""Without sequence numbers, the same bytes again so soon (s), and to few of those that got them, are a duplicate."""
JUDGED = 256
"""After so many broadcasts it is asked whether most reached one connection only: then they are none."""


class Audience:
    """One group's connections to one target on this worker.

    A message is a Broadcast; its place in a connection's sequence is its number. `shares` says whether the group's
    messages are broadcasts (True), each connection's own (False), or found out (None).
    """

    def __init__(self, counts: Counts, key: tuple[str, str, str], *, shares: bool | None = None) -> None:
        self._counts = counts
        self._key = key
        self._certain = shares is True
        self._off = shares is False
        self.numbered = False
        """Whether messages bring sequence numbers."""
        self._epoch = 0
        self._known = Known()
        self._marks = Marks()
        self._roll = Roll()
        self.misses = Misses()
        self._judged = self._singles = 0

    # -- a message, off the hot path: the first of its payload, or out of order ---------------------------------------

    def place(self, follower: Follower, seen: Seen, payload: bytes, received: float) -> None:
        """Find out which broadcast a message is, and where it stands in the connection's sequence."""
        sequence = seen.sequence
        if sequence is None:
            if self.numbered or self._off:
                return  # a message beside the sequence, or of nobody else's concern
        elif not self.numbered:
            self._begin_numbers()
        elif self._off:
            self._place_unlike(follower, sequence, payload, received)
            return
        broadcast = seen.broadcast
        fresh = False
        if broadcast is None or sequence != (broadcast.number if self.numbered else None):
            broadcast, fresh = self._known.find(sequence, payload, received, self._epoch)
            seen.broadcast = broadcast
        if follower.joined is None or follower.numbered is not self.numbered:
            if not self.numbered and broadcast.last < received - AGAIN_S:
                broadcast = seen.broadcast = self._known.repeat(broadcast, received)
            self._join(follower, broadcast, received)
        elif self.numbered:
            self._place_numbered(follower, broadcast, received, fresh=fresh)
        else:
            seen.broadcast = self._place_unnumbered(follower, broadcast, received)

    def _place_unlike(self, follower: Follower, sequence: int, payload: bytes, received: float) -> None:
        """As `place`, where each payload is another one: they are not followed, and in order there is no more to do."""
        epoch, fresh = self._marks.find(sequence, payload, self._epoch)
        if sequence == follower.next and follower.numbered and follower.joined is not None:
            follower.next = sequence + 1
            return
        if (known := self._known.get(sequence, payload)) is not None:  # it came while they were followed
            epoch, fresh = known.epoch, False
        broadcast = Broadcast(sequence, 0, received, epoch)
        if follower.joined is None or not follower.numbered:
            self._join(follower, broadcast, received)
            return
        self._place_numbered(follower, broadcast, received, fresh=fresh)
        if broadcast.epoch != epoch:
            self._marks.began(sequence, payload, broadcast.epoch)

    def _begin_numbers(self) -> None:
        """The first sequence number of the run came: what was followed by payload until now is not compared."""
        self.numbered = True
        self._known.clear()

    def _join(self, follower: Follower, broadcast: Broadcast, received: float) -> None:
        number = broadcast.number
        follower.first, follower.next, follower.epoch = number, number + 1, broadcast.epoch
        follower.numbered = self.numbered
        self._roll.join(follower, received)
        if follower.resumes is not None and self.numbered and 0 < number - follower.resumes <= MAX_JUMP:
            self._counts.missed_meanwhile += number - follower.resumes
        if self.numbered or received - broadcast.first < NEW_S:
            broadcast.hear(received)
        else:
            broadcast.got += 1  # perhaps the same bytes sent again: its time would be another broadcast's

    def _place_numbered(self, follower: Follower, broadcast: Broadcast, received: float, *, fresh: bool) -> None:
        number, due = broadcast.number, follower.next
        if due <= number <= due + MAX_JUMP:
            self._advance(follower, number, received)
        elif follower.gaps and follower.gaps.fill(number):
            self.misses.reordered(follower, self._counts)
        elif _just_before(follower, broadcast, received):
            self.misses.reordered(follower, self._counts)
            follower.reach_back(number, received)
        elif number >= due or fresh or broadcast.epoch > follower.epoch:
            self._restart(follower, broadcast, fresh=fresh)
        else:
            self.misses.duplicated(follower, self._counts)
            return
        broadcast.hear(received)

    def _advance(self, follower: Follower, number: int, received: float) -> None:
        due = follower.next
        if number > due:
            follower.gaps = follower.gaps or Gaps()
            follower.gaps.skip(due, number - 1, received)
            follower.gaps.give_up(received - LOST_S, lambda low, high: self._lose(follower, low, high))
        follower.next = number + 1

    def _restart(self, follower: Follower, broadcast: Broadcast, *, fresh: bool) -> None:
        """The sequence begins anew: another payload under a number that this connection has had, or a leap."""
        if fresh:
            self._epoch += 1
            broadcast.epoch = self._epoch
        self._give_up(follower, float("inf"))
        follower.gaps = None
        follower.first, follower.next = broadcast.number, broadcast.number + 1
        follower.epoch = broadcast.epoch
        self._counts.sequence_restarts += 1

    def _place_unnumbered(self, follower: Follower, newest: Broadcast, received: float) -> Broadcast:
        """Returns the newest broadcast of this payload."""
        broadcast = self._known.occurrence(follower, newest, received)
        if broadcast is None:
            newest = broadcast = self._known.repeat(newest, received)
            broadcast.waited = received - follower.last
        if broadcast.number >= follower.next:
            self._advance(follower, broadcast.number, received)
        elif follower.gaps is not None:
            follower.gaps.fill(broadcast.number)
        broadcast.hear(received)
        return newest

    # -- what is lost, and who leaves ---------------------------------------------------------------------------------

    def look_after(self, follower: Follower, now: float) -> None:
        """Once a second: what has been missing for too long is lost."""
        if follower.gaps:
            self._give_up(follower, now - LOST_S)
            follower.gaps.forget(now - KEEP_S)

    def leave(self, follower: Follower, now: float) -> None:
        """A connection is gone: what it has not got by now is lost."""
        self._give_up(follower, float("inf"))
        self.misses.leave(follower, now)
        self._roll.leave(follower, now)

    def _give_up(self, follower: Follower, before: float) -> None:
        if follower.gaps:
            follower.gaps.give_up(before, lambda low, high: self._lose(follower, low, high))

    def _lose(self, follower: Follower, low: int, high: int) -> None:
        self.misses.note(follower)
        if self.numbered:
            follower.lost += high - low + 1
            self._counts.lost += high - low + 1
            return
        for number in range(low, high + 1):  # the master counts these; here they are only the connection's
            broadcast = self._known.numbered(number)
            if broadcast is not None and not broadcast.void and (broadcast.got > 1 or self._certain):
                follower.lost += 1

    # -- once a second ------------------------------------------------------------------------------------------------

    def report(self, now: float, offset: float, error: float, *, final: bool = False) -> AudienceReport:
        """What happened since the last one. `offset` (s) leads from this worker's monotonic clock to the master's."""

        def us(seconds: float) -> int:
            return round((seconds + offset) * 1e6)

        heard = [] if self._off else [self._tell(b, us) for b in self._known if self._is_due(b, now, final=final)]
        joined, left = self._roll.take(now, us, final=final)
        self._off = self._off or self._known.overflowing
        self._known.forget(now)
        self._marks.forget(now)
        if self._off:
            heard, joined, left = [], [], []
            if not self.numbered:
                self._known.clear()
        moment, bound = us(now), round(error * 1e6)
        missed = self.misses.take(now, us)
        return AudienceReport(*self._key, moment, bound, self._certain, self._off, heard, joined, left, missed)

    def _is_due(self, broadcast: Broadcast, now: float, *, final: bool) -> bool:
        if broadcast.got == broadcast.told or broadcast.void or not (final or broadcast.first <= now - TOLD_S):
            return False
        if not broadcast.told:
            self._judge(broadcast)
        return not broadcast.void

    def _judge(self, broadcast: Broadcast) -> None:
        """Find out whether it is one: a message may have come twice, or each connection have messages of its own."""
        previous = broadcast.previous
        few = previous is not None and previous.got > 1 and 2 * broadcast.got < previous.got
        if few and broadcast.waited < COPY_S:
            broadcast.void = True
            self._counts.duplicated += broadcast.got
            return
        if self._roll.attending < 2 or self._certain:  # noqa: PLR2004 - alone, one connection is everybody
            return
        self._judged += 1
        self._singles += broadcast.got == 1
        if self._judged == JUDGED:
            self._off = self._off or 2 * self._singles > self._judged
            self._judged = self._singles = 0

    def _tell(self, broadcast: Broadcast, us: Callable[[float], int]) -> Heard:
        added, more = broadcast.got - broadcast.told, broadcast.told > 0
        broadcast.told = broadcast.got
        again = broadcast.previous is not None
        times = us(broadcast.first), us(broadcast.last)
        return Heard(broadcast.number, self.numbered, broadcast.digest, *times, added, again, more)


def _just_before(follower: Follower, broadcast: Broadcast, received: float) -> bool:
    """Whether this was sent just before the connection's first message, and came after it."""
    near = follower.first - NEAR <= broadcast.number < follower.first
    young = follower.joined is not None and received - follower.joined < SETTLED_S
    return near and young and broadcast.epoch == follower.epoch
