"""swarm/clocks.py: the offset of a target's clock, from exchanges that may fail."""

import gevent
import pytest

from loadtest.clock import SystemClock
from loadtest.errors import LoadtestError
from loadtest.swarm import clocks
from loadtest.swarm.clocks import TargetClock, server_time

AHEAD_S = 30.0


class Server:
    """Tells a time that is AHEAD_S ahead of this machine's; silent while `broken`."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.ahead = AHEAD_S
        self.asked = 0
        self.closed = False

    def ask(self) -> tuple[float, bytes, float]:
        self.asked += 1
        gevent.sleep(0)
        if self.broken:
            raise LoadtestError("HTTP 404")
        sent = SystemClock.monotonic()
        body = b'{"server_time": %r}' % (SystemClock.wall() + self.ahead)
        return sent, body, SystemClock.monotonic()

    def close(self) -> None:
        self.closed = True


def test_the_offset_of_a_clock_that_is_ahead_is_found_within_its_error() -> None:
    clock = TargetClock(SystemClock(), "/time", Server())
    clock.start()
    with gevent.Timeout(5):
        clock.wait_for_first()
    assert clock.offset is not None
    truth = SystemClock.wall() + AHEAD_S - SystemClock.monotonic()
    assert abs(clock.offset - truth) <= clock.error + 1e-3  # a millisecond for the two readings here
    ahead = clock.ahead()
    assert ahead is not None
    assert abs(ahead - AHEAD_S) <= clock.error + 1e-3
    clock.stop()


def test_the_same_clock_needs_no_exchange() -> None:
    clock = TargetClock(SystemClock(), "same", None)
    clock.start()
    assert clock.offset == pytest.approx(SystemClock.wall() - SystemClock.monotonic(), abs=1e-3)
    assert clock.error == 0.0


def test_a_server_whose_clock_is_set_is_followed_and_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "PROBE_EVERY_S", 0.001)
    server = Server()
    clock = TargetClock(SystemClock(), "/time", server)
    clock.start()
    with gevent.Timeout(5):
        while server.asked < 12:
            gevent.sleep(0.001)
        clock.take_step()  # a machine that is very busy may seem to set its clock by microseconds
        server.ahead = -3600.0
        while clock.offset is None or clock.offset > SystemClock.wall() - SystemClock.monotonic() - 3000:
            gevent.sleep(0.001)
    clock.stop()
    assert clock.take_step() == pytest.approx(3600.0 + AHEAD_S, abs=0.1)
    assert clock.take_step() == 0.0
    truth = SystemClock.wall() - 3600.0 - SystemClock.monotonic()
    assert abs(clock.offset - truth) <= clock.error + 1e-3


def test_a_clock_that_is_the_same_and_was_set_is_told_of() -> None:
    class Settable(SystemClock):
        ahead = 0.0

        def wall(self) -> float:  # type: ignore[override] # this one has a state
            return SystemClock.wall() + self.ahead

    machine = Settable()
    clock = TargetClock(machine, "same", None)
    clock.start()
    clock.refresh()
    assert clock.take_step() == 0.0
    machine.ahead = 2.0
    clock.refresh()
    assert clock.take_step() == pytest.approx(2.0, abs=0.1)


def test_the_end_asks_once_more_so_that_a_late_step_is_found_and_how_long_it_may_have_been() -> None:
    server = Server()
    clock = TargetClock(SystemClock(), "/time", server)
    clock.start()
    clock.wait_for_first()
    clock.take_step()  # a machine that is very busy may seem to set its clock by microseconds
    clock.take_doubt()
    gevent.sleep(0.1)
    server.ahead = 3600.0
    clock.look_again(2.0)
    clock.stop()
    assert clock.take_step() == pytest.approx(3600.0 - AHEAD_S, abs=0.1)
    assert 0.1 <= clock.take_doubt() < 2.0
    assert clock.take_doubt() == 0.0


def test_the_end_does_not_wait_for_a_clock_that_does_not_answer_or_is_not_asked() -> None:
    class Hanging(Server):
        def ask(self) -> tuple[float, bytes, float]:
            gevent.sleep(60)
            raise LoadtestError("timeout")

    hanging, same = TargetClock(SystemClock(), "/time", Hanging()), TargetClock(SystemClock(), "same", None)
    with gevent.Timeout(2.0):
        for clock in (hanging, same):
            clock.start()
            clock.look_again(0.1)
            clock.stop()


def test_an_unknown_clock_has_no_offset_and_keeps_nobody_waiting() -> None:
    clock = TargetClock(SystemClock(), None, None)
    clock.start()
    with gevent.Timeout(0.5):
        clock.wait_for_first()
    assert (clock.offset, clock.ahead()) == (None, None)


def test_a_server_without_that_path_leaves_the_offset_unknown_and_is_asked_again() -> None:
    server = Server(broken=True)
    clock = TargetClock(SystemClock(), "/time", server)
    clock.start()
    with gevent.Timeout(5):
        while server.asked < 8:
            gevent.sleep(0)
    clock.refresh()
    assert clock.offset is None
    clock.stop()
    assert server.closed


@pytest.mark.parametrize(
    "body", [b"12.5", b'{"server_time": 12.5}', b'{"time": 12.5, "zone": "UTC"}', b'{"now": 12.5}']
)
def test_a_clock_answers_with_a_number_or_an_object_that_has_one(body: bytes) -> None:
    assert server_time(body) == 12.5


@pytest.mark.parametrize("body", [b"", b"soon", b"true", b"[1]", b'{"when": 1}', b'{"time": "12"}', b'{"time": true}'])
def test_what_is_no_time_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own errors are ValueErrors
        server_time(body)


def test_a_clock_that_does_not_answer_keeps_only_the_first_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "FIRST_WAIT_S", 0.2)
    clock = TargetClock(SystemClock(), "/time", None)
    clock.wait_for_first()
    monkeypatch.setattr(clocks, "FIRST_WAIT_S", 60.0)
    with gevent.Timeout(5):
        clock.wait_for_first()
