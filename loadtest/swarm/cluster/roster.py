"""Who was let in by the master, and who of them was heard when. What a loss means for the run is the session's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.messages import Hello
from loadtest.swarm.cluster.silence import Silence

__all__ = ["END_PATIENCE_S", "LOST_AFTER_S", "Member", "Roster"]

LOST_AFTER_S = 4.5
"""A worker that was not heard for longer is lost. Heartbeats come every second: one frozen for 3 s is not, and placing
its users elsewhere starts within 5 s of its death."""


END_PATIENCE_S = 25.0
"""At the end of a run, when nobody's users wait to be placed, a worker is waited for so long: a network that is cut for
20 s heals, and the worker connects anew within 5 s."""


@dataclass(slots=True)
class Member:
    """A worker that was let in."""

    identity: str
    index: int
    leaving: bool = False
    lost: bool = False
    elsewhere: bool = False
    """It is in the middle of another run, and has to let that go before it may take users."""
    users: Mapping[str, int] = field(default_factory=dict)
    """user class -> how many it said it runs when it said hello"""


class Roster:
    """The workers that were let in, in the order they joined; `digests`: profile -> section -> digest."""

    def __init__(self, digests: Mapping[str, Mapping[str, str]], now: float) -> None:
        self.digests = digests
        self.members: dict[str, Member] = {}
        self.silence = Silence(now)
        self._absence = Silence(now)  # the same, of those that were given up as well
        self._gone: set[str] = set()
        self.lost_after = LOST_AFTER_S

    def objection(self, hello: Hello) -> str | None:
        """Why this worker may not join, as a sentence, or None."""
        ours = version("loadtest")
        if (hello.protocol, hello.version) != (messages.PROTOCOL, ours):
            return f"it is version {hello.version}, the master is {ours}; run the same version on both"
        for profile, sections in self.digests.items():
            theirs = hello.digests.get(profile)
            if theirs is None:
                return f"it has no profile {profile!r}; give it the master's profiles folder"
            differing = [section for section, digest in sections.items() if theirs.get(section) != digest]
            if differing:
                where = ", ".join(differing)
                return f"its profile {profile!r} differs from the master's in {where}; check its file and environment"
        return None

    def let_in(self, identity: str) -> Member:
        """A worker joins, or joins again."""
        if identity not in self.members:
            self.members[identity] = Member(identity, len(self.members))
        return self.members[identity]

    def is_lost(self, identity: str) -> bool:
        """Whether it was given up and has not come back."""
        member = self.members.get(identity)
        return member is not None and member.lost

    def heard(self, identity: str, kind: str) -> None:
        """A message of it has arrived. One that quits is not expected to say anything more."""
        if kind == "quit":
            self._gone.add(identity)
            self.silence.forget(identity)
        elif identity in self.members:
            self._gone.discard(identity)
            self._absence.heard(identity)
            if not self.is_lost(identity):
                self.silence.heard(identity)

    def fallen_silent(self, now: float, *, at_end: bool = False) -> list[str]:
        """The workers that have just been silent for too long; each is named once. `at_end`: the run is over."""
        self.silence.look(now)
        self._absence.look(now)
        silent = list(self.silence.longer_than(max(self.lost_after, END_PATIENCE_S) if at_end else self.lost_after))
        for identity in silent:
            self.silence.forget(identity)
        return silent

    def may_answer(self, identity: str, alive: Callable[[str], bool]) -> bool:
        """Whether a worker may still hand over its last Records; one that was given up not long ago may come back."""
        if not self.is_lost(identity):
            return alive(identity)
        return identity not in self._gone and self._absence.of(identity) < END_PATIENCE_S

    def eligible(self, alive: Callable[[str], bool]) -> list[str]:
        """The workers that may take users now."""
        members = self.members.values()
        return [m.identity for m in members if not (m.leaving or m.lost or m.elsewhere) and alive(m.identity)]
