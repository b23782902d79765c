"""The master's side of a run: who may join, who is lost, what becomes of their Records, and the drain at the end."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gevent
from gevent.event import Event
from msgspec import structs

from loadtest.clock import Clock
from loadtest.errors import WireError
from loadtest.results import Record, Summary
from loadtest.swarm.cluster import alignment, messages, rejoining
from loadtest.swarm.cluster.drain import drain
from loadtest.swarm.cluster.gate import Gate
from loadtest.swarm.cluster.messages import Ack, Begin, Drain, Hello, Leaving, Link, Rate, Refused, Rejoin, Welcome
from loadtest.swarm.cluster.roster import Member, Roster
from loadtest.swarm.cluster.silence import LOOK_S
from loadtest.swarm.cluster.standing import Standings
from loadtest.swarm.cluster.state import Keeper, Memory, RunState
from loadtest.swarm.cluster.waiting import wait_for
from loadtest.swarm.control_port import drop

__all__ = ["MasterSession"]

logger = logging.getLogger(__name__)

JOINING = ("client_ready", "locustfile")
"""What a worker says to Locust's master before that knows it."""
ASK_AGAIN_S = 2.0
"""How often a worker that is not known, or was given up, is told so."""


class MasterSession:
    """What the master knows of its workers and of the run that is on.

    `alive` tells whether Locust still counts a worker as there; `on_record` is called with every Record that was new,
    `on_lost` with every worker that is given up; `changed` is set whenever the workers that may take users change.
    """

    def __init__(self, link: Link, clock: Clock, digests: Mapping[str, Mapping[str, str]]) -> None:
        self.link = link
        self.clock = clock
        self.roster = Roster(digests, clock.monotonic())
        self.run: RunState | None = None
        self.alive: Callable[[str], bool] = lambda _identity: True
        self.on_record: list[Callable[[Record], None]] = []
        self.gate = Gate(self.on_record)
        self.standings = Standings()
        self.on_lost: list[Callable[[str], None]] = []
        self.changed = Event()
        self._told: dict[str, float] = {}
        self._timed = True

    # -- who is there -------------------------------------------------------------------------------------------------

    def receive(self, kind: type[Any], sender: str, wire: Any) -> None:
        """Check and handle a message; what is none of ours is counted and dropped."""
        handlers: dict[type, Callable[[str, Any], None]] = {Hello: self._on_hello, Leaving: self._on_leaving}
        handlers[messages.Standing] = partial(self.standings.take, self.elapsed())
        try:
            handlers.get(kind, partial(alignment.tell_time, self.link, self.clock))(sender, messages.read(kind, wire))
        except WireError as problem:
            self._drop(sender, problem)

    def _drop(self, sender: str, problem: object) -> None:
        drop("a message of ours that is malformed", f"of {sender}: {problem}")

    def _on_hello(self, sender: str, hello: Hello) -> None:
        reason = self.roster.objection(hello)
        if reason is not None:
            logger.error("refused worker %s: %s", sender, reason)
            messages.send(self.link, Refused(reason), sender)
            return
        member = self.roster.let_in(sender)
        run = self.run if self.run is not None and self.run.takes(hello.run) else None
        messages.send(self.link, Welcome(member.index, run.begin.run if run is not None else None), sender)
        member.elsewhere = hello.run is not None and (run is None or hello.run != run.begin.run)
        if member.elsewhere:
            return  # it gives that run up and says hello again
        member.users = hello.users
        if member.lost:
            logger.warning("worker %s is back", sender)
        member.lost = False
        self.roster.heard(sender, "hello")
        if run is not None:
            self._take_part(run, member, hello)
        self.changed.set()

    def _take_part(self, run: RunState, member: Member, hello: Hello) -> None:
        """A worker that is new in this run, or goes on in it."""
        worker = member.identity
        if hello.run is None:
            self.enlist(worker)
            return
        if not self._timed:
            self._timed = True
            run.origin = self.clock.monotonic() - hello.elapsed
            logger.warning("run time is %.1f s, as %s counts it", hello.elapsed, worker)
        if worker in run.given_up and hello.incarnation <= run.participants[worker]:
            member.lost = True
            self._renew(member)
            return
        run.enlist(worker, hello.incarnation, member.index, max(self.elapsed(), 0.0))
        self._look_whether_drained(run, worker)

    def _on_leaving(self, sender: str, _message: Leaving) -> None:
        if sender in self.roster.members:
            self.roster.members[sender].leaving = True
            self.changed.set()

    def eligible(self) -> list[str]:
        """The workers that may take users now, in the order they joined."""
        return self.roster.eligible(self.alive)

    def await_workers(self, wanted: int, seconds: float) -> bool:
        """Block until `wanted` workers may take users; False if that takes longer than `seconds`."""
        return wait_for(lambda: len(self.eligible()) >= wanted, self.changed, self.clock, seconds)

    # -- who is lost --------------------------------------------------------------------------------------------------

    def admits(self, sender: str, kind: str, *, known: bool) -> bool:
        """Note that a worker was heard, and tell whether Locust may see its message; `known`: Locust knows it.

        Locust ignores the heartbeats of a worker that it does not know, tells it to quit if it reports users, takes a
        missing one back as it is, and takes the run for stopped after any message if there is no other. All of them
        have to say hello first.
        """
        member = self.roster.members.get(sender)
        self.roster.heard(sender, kind)
        if kind == "quit" and member is not None:
            self._gone(member)
        if kind in JOINING or kind.startswith(messages.PREFIX):
            return True
        if not known and kind == "heartbeat":
            self._tell(sender, Rejoin())
        elif member is not None and member.lost:
            self._renew(member)
        return known and not self.roster.is_lost(sender)

    def _tell(self, sender: str, message: Rejoin | Begin | Drain) -> None:
        if self.clock.monotonic() - self._told.get(sender, float("-inf")) >= ASK_AGAIN_S:
            self._told[sender] = self.clock.monotonic()
            messages.send(self.link, message, sender)

    def _renew(self, member: Member) -> None:
        """A worker that was given up is heard again: it lets its users go and begins a new life."""
        run = self.run
        if run is None:
            member.lost = False
            self.changed.set()
        elif run.over or member.identity not in run.participants:  # given up in an earlier run: it joins as a new one
            self._tell(member.identity, Drain(run.begin.run) if run.over else Rejoin())
        else:
            self._tell(member.identity, self._begin_as(run.participants.get(member.identity, -1) + 1))

    def _gone(self, member: Member) -> None:
        """It says that it quits. If it did not hand over everything, it is lost like one that died."""
        if self.run is not None and not self.run.over and not self.run.is_complete(member.identity):
            self.lose(member.identity, "it quit before everything that it had counted was here")

    def watch(self) -> None:
        """Look for workers that were not heard for too long, for ever."""
        while True:
            gevent.sleep(LOOK_S)
            ending = self.run is not None and self.run.draining
            for identity in self.roster.fallen_silent(self.clock.monotonic(), at_end=ending):
                if self.alive(identity):
                    self.lose(identity)

    def lose(self, identity: str, why: str | None = None) -> None:
        """Give a worker up: what it reported stays, its users are placed on the others."""
        member = self.roster.members.get(identity)
        if member is None or member.lost:
            return
        logger.error("worker %s is lost: %s", identity, why or f"not heard for {self.roster.lost_after:.1f} s")
        if self.run is not None:
            self.run.give_up(identity, max(self.elapsed(), 0.0))
        self._leave_out(member)

    def _leave_out(self, member: Member) -> None:
        """Place nobody on a worker, and nobody's users are there, until it joins anew."""
        member.lost = True
        member.users = {}
        for listener in self.on_lost:
            listener(member.identity)
        self.changed.set()

    # -- the run ------------------------------------------------------------------------------------------------------

    def begin(
        self,
        run: str,
        targets: list[str],
        profile: str | None,
        journal: Keeper | None = None,
        rates: Mapping[str, Rate] | None = None,
        *,
        summary: Summary | None = None,
        ends: float | None = None,
    ) -> RunState:
        """Begin a run on every worker that may take users. Its Records are acknowledged once `journal` has them.

        They are added to `summary`, which may know the run's plan, as do the workers when it `ends`.
        """
        begin = Begin(run, 0.0, targets, profile, rates=dict(rates or {}), ends=ends)
        self.run = state = RunState(begin, self.clock.monotonic(), summary or Summary(run), journal or Memory())
        for member in self.roster.members.values():
            member.users = {}
        for identity in self.eligible():
            self.enlist(identity)
        return state

    def resume(self, state: RunState) -> None:
        """Go on with a run that another master began: workers that are in the middle of it will say so."""
        self.run = state
        self._timed = False
        self.gate.shut()

    def await_rejoined(self, seconds: float) -> None:
        """Block until every worker of a resumed run has said hello; give up those that have not after `seconds`."""
        rejoining.await_rejoined(self.run, self.changed, self.clock, seconds, self.elapsed)

    def elapsed(self) -> float:
        """Seconds since the run began; 0 without one."""
        return self.clock.monotonic() - self.run.origin if self.run is not None else 0.0

    def _begin_as(self, incarnation: int) -> Begin:
        assert self.run is not None  # noqa: S101 - for the type checker: nobody asks without a run
        return structs.replace(self.run.begin, elapsed=self.elapsed(), incarnation=incarnation)

    def enlist(self, identity: str) -> None:
        """Tell a worker of the run that is on, before it gets its first user."""
        run = self.run
        if run is None:
            return
        incarnation = run.participants.get(identity, 0) + run.is_over_for(identity)
        run.enlist(identity, incarnation, self.roster.members[identity].index, max(self.elapsed(), 0.0))
        messages.send(self.link, self._begin_as(incarnation), identity)

    def on_records(self, sender: str, wire: Any) -> None:
        """Store the Records of this run, each once, and acknowledge them when they are kept; refuse all others."""
        records = messages.records_of(wire, partial(self._drop, sender))
        refused = len(records) if self.run is None else self.run.strange(sender, records)
        drop("a Record of another run, or of a worker that takes no part", f"from {sender}", refused)
        if self.run is not None:
            acknowledge = partial(self._acknowledge, self.run.begin.run, sender)
            for record in self.run.store(sender, records, acknowledge):
                self.gate.announce(record)
            self._look_whether_drained(self.run, sender)

    def _look_whether_drained(self, run: RunState, worker: str) -> None:
        """A worker has drained for a master that died since, and the run goes on: it begins a new life."""
        member = self.roster.members.get(worker)
        if member is not None and rejoining.has_to_begin_anew(run, member, self.elapsed()):
            logger.warning("worker %s has drained for the master before this one: it begins anew", worker)
            self._leave_out(member)

    def _acknowledge(self, run: str, worker: str, incarnation: int, serials: list[int], durable: bool) -> None:  # noqa: FBT001
        messages.send(self.link, Ack(run, incarnation, serials, durable), worker)

    def drain(self, seconds: float) -> list[str]:
        """End the run on all workers and wait for their last Records; returns those that never came."""
        if self.run is None:
            return []
        self.run.over = True
        self.changed.set()
        return drain(self.run, self.link, lambda who: self.roster.may_answer(who, self.alive), self.clock, seconds)
