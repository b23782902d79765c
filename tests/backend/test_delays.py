from collections.abc import Callable

from backend.delays import DelayLine


class Call:
    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at, self.callback, self.cancelled = at, callback, False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """Timers that may be early by `early`; each turn takes 0.1 ms."""

    def __init__(self, early: float = 0.0) -> None:
        self.now, self.early, self.turns = 0.0, early, 0
        self.calls: list[Call] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> Call:
        self.calls.append(Call(self.now + delay - self.early, callback))
        return self.calls[-1]

    def call_soon(self, callback: Callable[[], None]) -> Call:
        return self.call_later(self.early, callback)

    def run(self) -> None:
        while self.calls:
            call = min(self.calls, key=lambda call: call.at)
            self.calls.remove(call)
            self.now = max(self.now + 0.0001, call.at)
            if not call.cancelled:
                self.turns += 1
                call.callback()


def delivered(loop: FakeLoop, *dues: float) -> list[tuple[float, bytes]]:
    line, out = DelayLine(loop, lambda: loop.now), []
    for number, due in enumerate(dues):
        line.push(due, lambda frame: out.append((loop.now, frame)), b"%d" % number)
    loop.run()
    return out


def test_a_message_leaves_when_it_is_due_though_the_loops_timers_are_coarse() -> None:
    ((time, _),) = delivered(FakeLoop(early=0.001), 0.05)
    assert 0.05 <= time < 0.0502


def test_messages_leave_in_order_of_time_and_equals_in_the_order_they_came() -> None:
    assert [frame for _, frame in delivered(FakeLoop(), 0.3, 0.1, 0.2, 0.1)] == [b"1", b"3", b"2", b"0"]


def test_each_leaves_at_its_own_time() -> None:
    times = [time for time, _ in delivered(FakeLoop(), 0.3, 0.1, 0.2)]
    assert all(due <= time < due + 0.0003 for time, due in zip(times, (0.1, 0.2, 0.3), strict=True))


def test_many_waiting_messages_cost_no_more_turns_than_one() -> None:
    alone, crowd = FakeLoop(), FakeLoop()
    delivered(alone, 0.1)
    delivered(crowd, *[0.1] * 500)
    assert crowd.turns == alone.turns
