"""The master's side of a run: who may join, Records stored once and acknowledged, and the drain at the end."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import gevent
from gevent.event import Event

from loadtest.clock import Clock
from loadtest.errors import WireError
from loadtest.results import Record, Summary
from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.messages import Ack, Begin, Drain, Hello, Leaving, Link, Refused, Welcome

__all__ = ["MasterSession", "Member", "RunState"]

logger = logging.getLogger(__name__)

REPEAT_DRAIN_S = 3.0


@dataclass(slots=True)
class Member:
    """A worker that was let in."""

    identity: str
    index: int
    leaving: bool = False


@dataclass(slots=True)
class RunState:
    """The run that is on."""

    begin: Begin
    origin: float
    summary: Summary
    participants: dict[str, None] = field(default_factory=dict)
    over: bool = False
    """No more users are placed."""


class MasterSession:
    """What the master knows of its workers and of the run that is on.

    `alive` tells whether Locust still counts a worker as there; `on_record` is called with every Record that was new;
    `changed` is set whenever the workers that may take users change.
    """

    def __init__(self, link: Link, clock: Clock, digests: Mapping[str, Mapping[str, str]]) -> None:
        self.link = link
        self.clock = clock
        self.digests = digests
        self.members: dict[str, Member] = {}
        self.run: RunState | None = None
        self.alive: Callable[[str], bool] = lambda _identity: True
        self.on_record: list[Callable[[Record], None]] = []
        self.changed = Event()
        self._joined = 0
        self.dropped_messages = 0

    def receive(self, kind: type[Any], sender: str, wire: Any) -> None:
        """Check and handle a message; what is none of ours is counted and dropped."""
        handlers: dict[type[Any], Callable[[str, Any], None]] = {Hello: self._on_hello, Leaving: self._on_leaving}
        try:
            handlers[kind](sender, messages.read(kind, wire))
        except WireError as problem:
            self._drop(sender, problem)

    def _drop(self, sender: str, problem: object) -> None:
        self.dropped_messages += 1
        logger.warning("dropped a message of %s: %s", sender, problem)

    def _on_hello(self, sender: str, hello: Hello) -> None:
        reason = self._objection(hello)
        if reason is not None:
            logger.error("refused worker %s: %s", sender, reason)
            messages.send(self.link, Refused(reason), sender)
            return
        if sender not in self.members:
            self.members[sender] = Member(sender, self._joined)
            self._joined += 1
        messages.send(self.link, Welcome(self.members[sender].index), sender)
        if self.run is not None and not self.run.over:
            self.enlist(sender)
        self.changed.set()

    def _objection(self, hello: Hello) -> str | None:
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

    def _on_leaving(self, sender: str, _message: Leaving) -> None:
        if sender in self.members:
            self.members[sender].leaving = True
            self.changed.set()

    def eligible(self) -> list[str]:
        """The workers that may take users now, in the order they joined."""
        return [m.identity for m in self.members.values() if not m.leaving and self.alive(m.identity)]

    def await_workers(self, wanted: int, seconds: float) -> bool:
        """Block until `wanted` workers may take users; False if that takes longer than `seconds`."""
        deadline = self.clock.monotonic() + seconds
        while len(self.eligible()) < wanted:
            left = deadline - self.clock.monotonic()
            if left <= 0:
                return False
            self.changed.clear()
            self.changed.wait(min(left, 0.5))
        return True

    def begin(self, run: str, targets: list[str], profile: str | None) -> RunState:
        """Begin a run on every worker that may take users."""
        state = RunState(Begin(run, 0.0, targets, profile), self.clock.monotonic(), Summary(run))
        self.run = state
        for identity in self.eligible():
            self.enlist(identity)
        return state

    def elapsed(self) -> float:
        """Seconds since the run began; 0 without one."""
        return self.clock.monotonic() - self.run.origin if self.run is not None else 0.0

    def enlist(self, identity: str) -> None:
        """Tell a worker of the run that is on, before it gets its first user."""
        if self.run is None:
            return
        begin = self.run.begin
        self.run.participants[identity] = None
        messages.send(self.link, Begin(begin.run, self.elapsed(), begin.targets, begin.profile), identity)

    def on_records(self, sender: str, wire: Any) -> None:
        """Store the Records of this run, each once, and acknowledge them; refuse all others."""
        if not isinstance(wire, list):
            self._drop(sender, "not a list of Records")
            return
        stored: dict[int, list[int]] = {}
        for item in wire:
            try:
                record = Record.from_wire(item)
            except WireError as problem:
                self._drop(sender, problem)
                continue
            if self._store(sender, record):
                stored.setdefault(record.incarnation, []).append(record.serial)
        for incarnation, serials in stored.items():
            if self.run is not None:
                messages.send(self.link, Ack(self.run.begin.run, incarnation, serials), sender)

    def _store(self, sender: str, record: Record) -> bool:
        """Whether to acknowledge: it is of this run and from the worker that it says."""
        run = self.run
        if run is None or record.run != run.begin.run or record.worker != sender or sender not in run.participants:
            return False
        if run.summary.add(record):
            for listener in self.on_record:
                listener(record)
        return True

    def missing(self) -> list[str]:
        """The participants of the run whose last report has not arrived."""
        run = self.run
        if run is None:
            return []
        return [worker for worker in run.participants if not run.summary.workers[worker].finished]

    def drain(self, seconds: float) -> list[str]:
        """End the run on all workers and wait for their last Records; returns those that never came."""
        run = self.run
        if run is None:
            return []
        run.over = True
        self.changed.set()
        deadline = self.clock.monotonic() + seconds
        repeat = float("-inf")
        while waiting := [worker for worker in self.missing() if self.alive(worker)]:
            now = self.clock.monotonic()
            if now >= deadline:
                break
            if now >= repeat:
                repeat = now + REPEAT_DRAIN_S
                for worker in waiting:
                    messages.send(self.link, Drain(run.begin.run), worker)
            gevent.sleep(0.05)
        return self.missing()
