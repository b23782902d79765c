"""What the master shows of its run: made at most once a second, whoever asks, and kept until then.

The answers are made in `loadtest.monitor`; this only knows where on a master the facts are.
"""

from collections.abc import Callable, Mapping

import gevent

from loadtest.clock import Clock
from loadtest.monitor import History, Judging, Moment, Seen, Span, Status, Timeline, exposition, status_of, timeline_of
from loadtest.results import Record, Summary
from loadtest.swarm.conductor import Conductor
from loadtest.swarm.runs import Current

__all__ = ["Watch"]

SETTLED_S = 2
"""A second is taken as complete when this many have passed since it ended: every worker has told of it by then."""
KEEP_S = 1.0
"""How long an answer is good."""


class Watch:
    """`states`: worker -> state, as Locust tells of those that are connected."""

    def __init__(self, conductor: Conductor, clock: Clock, states: Callable[[], Mapping[str, str]]) -> None:
        self.conductor = conductor
        self.clock = clock
        self.states = states
        self.refused: Callable[[], Mapping[tuple[str, str], int]] = dict
        """(port, why) -> how often a stranger was turned away."""
        self.history = History()
        self.judging = Judging()
        self._summary = Summary("")
        self._latest: dict[str, Record] = {}
        self._status: tuple[float, Status] | None = None
        self._metrics: tuple[Status, str] | None = None

    def begin(self, run: Current) -> None:
        """A run has begun: follow it to its end."""
        state = self.conductor.session.run
        self.history = History()
        self.judging = Judging(run.profile.slo if run.profile is not None else ())
        self._summary = state.summary if state is not None else Summary(run.run_id)
        self._latest = {}
        self._status = None
        gevent.spawn(self._follow, run, self.history)

    def add(self, record: Record) -> None:
        """Take note of a Record that the Summary has taken in."""
        latest = self._latest.get(record.worker)
        if latest is None or record.second >= latest.second:
            self._latest[record.worker] = record

    def _follow(self, run: Current, history: History) -> None:
        while run.verdict is None:
            self._fold(history, int(self._elapsed(run)) - SETTLED_S)
            gevent.sleep(KEEP_S)
        self._fold(history, max(self._summary.seconds, default=-1) + 1)

    def _fold(self, history: History, end: int) -> None:
        """Take in the seconds before `end`, and let others run in between: after a restart they may be many."""
        summary = self._summary
        while history.next < end and history is self.history:
            second = history.next
            self.judging.judge_second(summary)
            history.fold(Span.of(summary, second))
            gevent.sleep(0)

    def status(self) -> Status:
        """The run now, at most KEEP_S old."""
        now = self.clock.monotonic()
        if self._status is None or now - self._status[0] >= KEEP_S:
            self._status = (now, self._made())
        return self._status[1]

    def _made(self) -> Status:
        return status_of(self._moment(), self._summary, self.history.recent(), self.judging)

    def timeline(self, since: int) -> Timeline:
        """What is new of the past to one who knows the seconds before `since`."""
        return timeline_of(self._moment(), self.history, since)

    def metrics(self) -> str:
        """The status and all that was measured so far, for Prometheus."""
        status = self.status()
        if self._metrics is None or self._metrics[0] is not status:
            self._metrics = (status, exposition(status, self._summary, self.refused()))
        return self._metrics[1]

    def _elapsed(self, run: Current) -> float:
        return run.duration if run.over else self.conductor.session.elapsed()

    def _moment(self) -> Moment:
        run = self.conductor.current
        workers = self._workers()
        if run is None or not run.begun:
            return Moment(workers=workers)
        profile = run.profile
        return Moment(
            run_id=run.run_id,
            profile=profile.name if profile is not None else None,
            targets=run.targets,
            started_at=run.started_at,
            elapsed=self._elapsed(run),
            plan=run.plan,
            kinds={name: group.kind for name, group in profile.users.items()} if profile is not None else {},
            thresholds=profile.slo if profile is not None else (),
            workers=workers,
            draining=run.over,
            verdict=run.verdict,
        )

    def _workers(self) -> tuple[Seen, ...]:
        """Those that take part, and those that could."""
        state = self.conductor.session.run
        states = self.states()
        names = dict.fromkeys([*(state.participants if state is not None else ()), *states])
        return tuple(self._seen(name, states.get(name, "left")) for name in names)

    def _seen(self, name: str, state: str) -> Seen:
        member = self.conductor.session.roster.members.get(name)
        if member is not None and member.leaving and state != "left":
            state = "leaving"
        latest = self._latest.get(name)
        if latest is None:
            return Seen(name, state)
        users = sum(gauges.get("users", 0) for gauges in latest.gauges.values())
        return Seen(name, state, latest.second, 0 if state == "left" else users, latest.health)
