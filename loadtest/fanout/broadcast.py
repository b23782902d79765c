"""One broadcast as one worker saw it, and one connection as a follower of broadcasts. Counted on the hot path."""

from loadtest.fanout.gaps import Gaps

__all__ = ["Broadcast", "Follower"]

NEVER = 2**63
"""No number: they have 64 bits and a sign."""


class Broadcast:
    """First and last receive (s, the worker's monotonic clock), and how many connections got it.

    `number` is the server's sequence number, or how many broadcasts this worker had seen. The same payload sent again
    without a sequence number is another broadcast: `previous` leads to the one before.
    """

    __slots__ = ("digest", "epoch", "first", "got", "last", "number", "previous", "spacing", "told",
                 "turn", "void", "waited")  # fmt: skip

    def __init__(self, number: int, digest: int, received: float, epoch: int) -> None:
        self.number = number
        self.turn: int | None = number
        """A connection for which this is due is in order; None: these bytes were sent before, so look which it is."""
        self.digest = digest
        self.epoch = epoch
        """How often the sequence had begun anew."""
        self.first = self.last = received
        self.got = 0
        self.told = 0
        """How many of `got` the master was told of."""
        self.previous: Broadcast | None = None
        self.spacing = float("inf")
        """The usual time between broadcasts of these bytes (s)."""
        self.waited = 0.0
        """How long after its last message a connection got the same bytes again (s)."""
        self.void = False
        """It was no broadcast: the message before it came twice."""

    def hear(self, received: float) -> None:
        """One more connection got it. The hot path has these lines written out."""
        self.got += 1
        if received > self.last:
            self.last = received
        elif received < self.first:
            self.first = received


class Follower:
    """Where one connection stands in the sequence of broadcasts, and what it lacks."""

    __slots__ = ("duplicated", "epoch", "first", "gaps", "joined", "last", "longest", "lost", "next", "numbered",
                 "reordered", "resumes", "since", "told", "who")  # fmt: skip

    def __init__(self, opened: float) -> None:
        self.next = NEVER
        """The number that is due; NEVER before the first data message."""
        self.numbered = False
        """Whether its numbers are the server's."""
        self.first = 0
        self.joined: float | None = None
        """When its first data message came (s)."""
        self.last = opened
        """When its last data message came, or it was opened (s)."""
        self.since = opened
        self.longest = 0.0
        """Its longest silence (s), as far as it was looked at; 0 if that was short."""
        self.epoch = 0
        self.gaps: Gaps | None = None
        self.lost = 0
        self.duplicated = 0
        self.reordered = 0
        self.told = (0, 0, 0, 0)
        """What the master was told of it: lost, duplicated, reordered, the longest silence in ms."""
        self.who = 0
        """Its number on this worker, once it has joined."""
        self.resumes: int | None = None
        """The number that was due when the same user's last session ended."""

    @property
    def due(self) -> int | None:
        """The sequence number that would come next, if there are any."""
        return self.next if self.numbered else None

    def has(self, number: int) -> bool:
        """Whether it got the broadcast of this number."""
        return self.joined is not None and self.first <= number < self.next and number not in (self.gaps or ())

    def reach_back(self, number: int, received: float) -> None:
        """It got a number from before its first one; those in between may come yet."""
        if number + 1 < self.first:
            self.gaps = self.gaps or Gaps()
            self.gaps.skip(number + 1, self.first - 1, received)
        self.first = number
