"""What the users of one process share: groups, clocks, the departing. One LocalSession for each Locust environment."""

from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from locust import User
from locust.env import Environment

import gevent
from gevent.pool import Group

from loadtest.schedule import Turn
from loadtest.swarm.catalog import Catalog
from loadtest.swarm.clocks import HttpExchange, TargetClock
from loadtest.swarm.cluster.messages import Begin, arrivals_of
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.collecting import Collecting
from loadtest.swarm.full_client import FullClient
from loadtest.swarm.http_client import Client, Outcome
from loadtest.swarm.open_arrivals import OpenPollers
from loadtest.swarm.pollers import Pollers
from loadtest.swarm.requests import RequestLog
from loadtest.swarm.slow_subscribers import SlowSubscribers
from loadtest.swarm.subscribers import Subscribers

if TYPE_CHECKING:
    from loadtest.swarm.profile_users import ProfilePoller
    from loadtest.swarm.users import LoadUser, RestUser, WebSocketUser

P = TypeVar("P", bound=Pollers)

__all__ = ["LocalSession", "attach", "session_of"]

LEAVE_S = 20.0
"""How long users may take to leave, and again how long the last Records may take to be acknowledged."""
LAST_LOOK_S = 1.0
"""How long the end waits for what a target's clock says then."""
DEAF_S = 2.0
"""The same after Locust has ended the greenlet that hears the master: no acknowledgement can come."""

_sessions: "WeakKeyDictionary[Environment, LocalSession]" = WeakKeyDictionary()


def session_of(environment: Environment) -> "LocalSession":
    """The session that the users of this environment share.

    Raises:
        RuntimeError: the environment runs no users (a master), or `loadtest.swarm` was imported too late.
    """
    try:
        return _sessions[environment]
    except KeyError:
        raise RuntimeError("no load session: import loadtest.swarm before Locust's init event") from None


def attach(environment: Environment, session: "LocalSession") -> None:
    """Make `session` the one of this environment."""
    _sessions[environment] = session


class LocalSession:
    """Groups by user class, clocks by target, and the users that are leaving, of one worker process."""

    def __init__(self, environment: Environment, worker: WorkerSession, catalog: Catalog) -> None:
        self.environment = environment
        self.worker = worker
        self.catalog = catalog
        self.departing = Group()
        self.log = RequestLog(environment, worker.recorder)
        self._subscribers: dict[type[User], Subscribers] = {}
        self._pollers: dict[type[User], Pollers] = {}
        self._clocks: dict[str, TargetClock] = {}
        self._counted: set[str] = set()
        worker.on_begin.append(self._begin)
        worker.each_second.append(self._each_second)
        collecting = Collecting(self._population)
        worker.on_begin.append(lambda _begin: collecting.begin())
        worker.each_second.append(collecting.look)
        worker.on_turn.append(self._take_turn)
        worker.reports.extra_health = self._extra_health
        worker.leave = self.leave

    # -- a run begins and ends ----------------------------------------------------------------------------------------

    def _begin(self, _begin: Begin) -> None:
        for clock in self._clocks.values():
            clock.stop()
        self._clocks.clear()
        # Groups belong to a run: the next one's profile may have another clock, token or headers at the same target.
        for subscribers in self._subscribers.values():
            subscribers.retire()
        for pollers in self._pollers.values():
            pollers.retire()
        self._subscribers.clear()
        self._pollers.clear()

    def _seed(self, begin: Begin) -> int:
        profile = self.catalog.profiles.get(begin.profile or "")
        return profile.seed if profile is not None else 1

    def leave(self, seconds: float) -> None:
        """Every user leaves; blocks until the last has, or cuts those that take longer than `seconds`."""
        runner = self.environment.runner
        if runner is not None:
            runner.stop_users(runner.user_classes_count)
        self.departing.join(timeout=seconds)
        if self.departing:
            self.worker.recorder.error("(all)", "leaving: users did not finish in time and were cut")
            self.departing.kill(timeout=seconds)
        gevent.joinall([gevent.spawn(clock.look_again, LAST_LOOK_S) for clock in self._clocks.values()])
        for clock in self._clocks.values():
            clock.stop()

    def see_off(self, user: "LoadUser") -> None:
        """Move a user's greenlet from Locust's group, where it counts as running, to the departing."""
        greenlet = user.greenlet
        if greenlet is None or greenlet.dead:
            return
        user.group.discard(greenlet)
        self.departing.add(greenlet)
        user._group = self.departing  # noqa: SLF001 - Locust's stop() kills through it

    # -- what users ask for -------------------------------------------------------------------------------------------

    def subscribers(self, user_class: "type[WebSocketUser]") -> Subscribers:
        """What the subscribers of a class share."""
        known = self._subscribers.get(user_class)
        if known is None:
            name = user_class.group_name or user_class.__name__
            spec = user_class.group_spec()
            kind = Subscribers if spec.read is None else SlowSubscribers
            known = kind(self.worker, name, spec, user_class.target_spec())
            self._subscribers[user_class] = known
            if self.worker.run is not None:
                self._begin_subscribers(user_class, known, self.worker.run)
        return known

    def _begin_subscribers(self, user_class: type[User], subscribers: Subscribers, begin: Begin) -> None:
        targets = begin.targets or [user_class.base_url()]  # type: ignore[attr-defined]
        subscribers.begin(targets, lambda target: self.clock(target, subscribers), self._seed(begin))

    def pollers(self, user_class: "type[ProfilePoller]", kind: type[P]) -> P:
        """What the pollers of a class share, which is of this kind."""
        known = self._pollers.get(user_class)
        if isinstance(known, kind):
            return known
        made = kind(self.worker, user_class.group_name, user_class.spec, user_class.target_spec())
        made.log = self.log
        self._pollers[user_class] = made
        run = self.worker.run
        if run is not None:
            made.begin(run.targets, self._seed(run))
            if isinstance(made, OpenPollers) and made.name in run.rates:
                made.follow(arrivals_of(run.rates[made.name]), self.worker.turns)
        return made

    def client(self, user: "RestUser") -> Client:
        """An HTTP client for a plain locustfile's user, whose requests are recorded under its class."""
        group = type(user).__name__
        self.count_users(type(user))

        def report(outcome: Outcome) -> None:
            self.log.record(group, outcome)

        kind = FullClient if type(user).full_client else Client
        return kind(type(user).base_url(), report)

    def count_users(self, user_class: type[User]) -> None:
        """Let Locust's count of a class be the users of the group that bears its name."""
        name = user_class.__name__
        if name not in self._counted:
            self._counted.add(name)
            self.worker.recorder.gauges[name] = lambda: {"users": self._running(name)}

    def _running(self, name: str) -> int:
        runner = self.environment.runner
        return runner.user_classes_count.get(name, 0) if runner is not None else 0

    def _population(self) -> int:
        """Users, those that are leaving included, and open connections."""
        runner = self.environment.runner
        users = runner.user_count if runner is not None else 0
        return users + len(self.departing) + sum(len(shared.open) for shared in self._subscribers.values())

    # -- clocks -------------------------------------------------------------------------------------------------------

    def clock(self, target: str, subscribers: Subscribers) -> TargetClock:
        """The clock of a target; asked for once, shared by all groups."""
        known = self._clocks.get(target)
        if known is None:
            spec = subscribers.target
            exchange = HttpExchange(target, spec) if spec.clock not in (None, "same") else None
            known = self._clocks[target] = TargetClock(self.worker.clock, spec.clock, exchange)
            known.start()
        return known

    def _each_second(self) -> None:
        for clock in self._clocks.values():
            clock.refresh()

    def _extra_health(self) -> dict[str, float]:
        """clock_error, clock_offset (of that clock), clock_step, clock_doubt and send_lag, in s, where known."""
        known = [(clock.error, ahead) for clock in self._clocks.values() if (ahead := clock.ahead()) is not None]
        health = dict(zip(("clock_error", "clock_offset"), max(known), strict=True)) if known else {}
        if step := max((clock.take_step() for clock in self._clocks.values()), default=0.0):
            health["clock_step"] = step
            health["clock_doubt"] = max(clock.take_doubt() for clock in self._clocks.values())
        lags = [pollers.take_lateness() for pollers in self._open()]
        return health | ({"send_lag": max(lags)} if lags else {})

    def _open(self) -> list[OpenPollers]:
        return [pollers for pollers in self._pollers.values() if isinstance(pollers, OpenPollers)]

    def _take_turn(self, turn: Turn) -> None:
        for pollers in self._open():
            pollers.take_turn(turn)

    def quit(self) -> None:
        """The process was asked to end: leave in good order, unless a drain has done so already."""
        runner = self.environment.runner
        hears = runner is not None and len(runner.greenlet) > 0
        if not self.worker.drained.is_set():
            gevent.spawn(self.worker.quit, LEAVE_S if hears else DEAF_S).join()
