"""swarm/together.py: a broadcast counted for many at once leaves everything as it is when each takes it by itself."""

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from loadtest import profiles
from loadtest.fanout import AudienceReport
from loadtest.histogram import Histogram
from loadtest.profiles import WebSocketGroup
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.readers import Gathered
from loadtest.swarm.subscribers import Subscribers
from loadtest.swarm.subscription import Endpoint, Subscription

CONNECTIONS = 6
TEXT = True
PROFILE = """
name: together
target: {url: "http://127.0.0.1:1", clock: same}
users:
  plain: {websocket: /ws, count: 1, not_data: [{keys: [type]}], expect: {keys: [pad]}}
  dated: {websocket: /ws, count: 1, send_time: {field: sent, unit: s}, freshness: {field: as_of, unit: s}}
  numbered: {websocket: /ws, count: 1, send_time: {field: sent, unit: s}, sequence: seq}
  one: {websocket: /ws, count: 1, session: {messages: 3}}
load: [{step: 4}, {hold: 1s}]
"""
GROUPS = profiles.load(PROFILE)


class Nowhere:
    """A link on which nothing ever arrives."""

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Lost."""


class Still:
    """A clock that stands."""

    def monotonic(self) -> float:
        return 100.0

    def wall(self) -> float:
        return 1e9

    def sleep(self, seconds: float) -> None:
        """At once."""


@dataclass
class Step:
    """One broadcast's bytes, and who gets them when."""

    payload: dict[str, Any]
    who: list[int]
    after: list[float]
    waited: float | None
    busy: bool
    offset: float | None


class World:
    """One group on one worker, with connections that are only their receivers."""

    def __init__(self, group: str) -> None:
        self.session = WorkerSession(Nowhere(), Still(), "w", {})
        target = GROUPS.target
        settings = GROUPS.users[group]
        assert isinstance(settings, WebSocketGroup)
        self.shared = Subscribers(self.session, group, settings, target)
        self.clock: Any = SimpleNamespace(offset=None)
        self.shared.begin(["http://127.0.0.1:1"], lambda _base: self.clock, 1)
        self.endpoint: Endpoint = self.shared.endpoint()
        self.repeat = self.endpoint.options.repeat
        self.woken = 0
        self.readers = [self._reader() for _ in range(CONNECTIONS)]

    def _reader(self) -> Any:
        follower = Subscription(self.shared, self.endpoint, self._wake)
        connection = SimpleNamespace(receiver=follower, repeat=self.repeat, session=SimpleNamespace(idle=True))
        return SimpleNamespace(taker=connection)

    def _wake(self) -> None:
        self.woken += 1

    def take(self, step: Step, now: float, order: list[int] | None = None) -> list[int]:
        """Take it together, and by themselves those that must; in what order. With `order`, each by itself."""
        payload = json.dumps(step.payload).encode()
        self.repeat.learn(b"header" + payload, payload, text=True)
        self.clock.offset = step.offset
        self.readers[0].taker.session.idle = not step.busy
        times = {id(self.readers[i]): i for i in step.who}
        got: Gathered = [(self.readers[i], now + step.after[i], step.waited) for i in order or step.who]
        rest = got
        if order is None and self.repeat.together is not None:
            rest = self.repeat.together(got)
        alone = [times[id(reader)] for reader, _, _ in rest]
        for reader, received, waited in rest:
            follower: Any = self.readers[times[id(reader)]].taker.receiver
            follower.on_read(waited)
            follower.on_message(payload, TEXT, received)
        return [i for i in step.who if i not in alone] + alone

    def a_broadcast(self, payload: bytes, now: float, by_themselves: int = 1) -> Gathered:
        """Everybody's read of these bytes; so many connections have taken it by themselves."""
        self.repeat.learn(b"header" + payload, payload, text=True)
        for reader in self.readers[:by_themselves]:
            reader.taker.receiver.on_message(payload, TEXT, now)
        return [(reader, now, 0.001) for reader in self.readers]

    def seen(self) -> tuple[Any, ...]:
        reports = [in_order(report) for report in self.session.recorder.hear(1e6, 0.0, 0.0, 0.25, final=True)]
        record = self.session.recorder.take("r", "w", (0, 0), 0, {})
        times = {one.measure: one.histogram and Histogram.from_wire(one.histogram) for one in record.series}
        counts = {one.measure: (one.count, one.failures, one.size) for one in record.series}
        followers = [
            {name: getattr(reader.taker.receiver, name) for name in ("next", "last", "messages", "silent", "told")}
            for reader in self.readers
        ]
        return record.counters, record.errors, times, counts, followers, reports, self.woken


def in_order(report: AudienceReport) -> AudienceReport:
    """Connections that missed equally much are told in any order."""
    missed = report.missed
    if missed is not None:
        missed = structs.replace(missed, moved=sorted(missed.moved), worst=sorted(missed.worst, key=str))
    return structs.replace(report, missed=missed)


TIMES = st.floats(0.0, 0.5)
STEPS = st.lists(
    st.builds(
        Step,
        st.fixed_dictionaries(
            {"pad": st.integers(0, 2)},
            optional={
                "sent": st.floats(1.0, 200.0),
                "as_of": st.floats(1.0, 200.0),
                "seq": st.integers(0, 6),
                "type": st.just("hello"),
            },
        ),
        st.lists(st.integers(0, CONNECTIONS - 1), unique=True, min_size=1),
        st.lists(TIMES, min_size=CONNECTIONS, max_size=CONNECTIONS),
        st.none() | TIMES,
        st.booleans(),
        st.none() | st.just(0.25),
    ),
    max_size=8,
)


@pytest.mark.parametrize("group", list(GROUPS.users))
@given(steps=STEPS)
def test_it_leaves_everything_as_one_by_one(group: str, steps: list[Step]) -> None:
    at_once, one_by_one = World(group), World(group)
    for number, step in enumerate(steps):
        order = at_once.take(step, 100.0 + number)
        one_by_one.take(step, 100.0 + number, order)
    assert at_once.seen() == one_by_one.seen()


def test_in_order_it_leaves_no_connection_to_take_it_by_itself() -> None:
    world = World("numbered")
    everybody = list(range(CONNECTIONS))
    for number in range(3):
        step = Step({"sent": 100.0, "seq": number}, everybody, [0.0] * CONNECTIONS, 0.001, busy=False, offset=0.0)
        world.take(step, 101.0, everybody)
    _, *others = world.a_broadcast(b'{"sent": 100.0, "seq": 3}', 102.0)
    assert world.repeat.together is not None
    assert world.repeat.together(others) == []
    assert world.shared.tally.messages == 4 * CONNECTIONS


def in_order_of(world: World, number: int) -> Gathered:
    """The reads of everybody but the first, which has taken it by itself, of the broadcast after `number` others."""
    everybody = list(range(CONNECTIONS))
    for before in range(number):
        step = Step({"sent": 100.0, "seq": before}, everybody, [0.0] * CONNECTIONS, 0.001, busy=False, offset=0.0)
        world.take(step, 101.0, everybody)
    return world.a_broadcast(b'{"sent": 100.0, "seq": %d}' % number, 102.0)[1:]


def test_who_is_listened_to_is_in_the_middle_of_something_or_has_no_time_takes_it_by_itself() -> None:
    world = World("numbered")
    heard, busy, *others = in_order_of(world, 2)
    heard[0].taker.receiver.inbox = lambda _payload, _text: None
    busy[0].taker.session.idle = False
    untimed = (others[0][0], 102.0, None)
    for reader, _, _ in others[1:]:
        reader.taker.receiver.silent = True
    assert world.repeat.together is not None
    assert world.repeat.together([heard, busy, untimed, *others[1:]]) == [heard, busy, untimed]
    assert not any(reader.taker.receiver.silent for reader, _, _ in others[1:])


def test_a_connection_that_was_closed_meanwhile_is_left_out() -> None:
    world = World("plain")
    world.a_broadcast(b'{"pad": 1}', 100.0, CONNECTIONS)
    _, *others = world.a_broadcast(b'{"pad": 2}', 101.0)
    world.readers[1].taker = SimpleNamespace(repeat=None)
    assert world.repeat.together is not None
    assert world.repeat.together(others) == others[:1]


@pytest.mark.parametrize(("waited", "late"), [(0.001, 0), (None, 250_000)])
def test_what_was_read_without_the_kernels_time_may_be_late(waited: float | None, late: int) -> None:
    world = World("numbered")
    step = Step({"sent": 100.0, "seq": 0}, [0, 1], [0.0, 0.0], waited, busy=False, offset=0.0)
    world.take(step, 101.0)
    (report,) = world.session.recorder.hear(102.0, 0.0, 0.0, 0.25, final=False)
    assert report.late == late
    world.session.recorder.take("r", "w", (0, 0), 0, {})
    (report,) = world.session.recorder.hear(103.0, 0.0, 0.0, 0.25, final=False)
    assert report.late == 0
