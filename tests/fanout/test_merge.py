"""fanout/merge.py: completeness and skew over all workers, against an oracle that keeps a set for each broadcast."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from audiences import Worker, finished, sums

from loadtest.fanout import Fanout, Outcome

STAY_S = 2.0


@dataclass
class Truth:
    """Every delivery and every stay, as nobody could keep them in a real run."""

    got: dict[int, dict[str, float]] = field(default_factory=dict)
    joined: dict[str, float] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)

    def deliver(self, broadcast: int, who: str, at: float) -> None:
        self.joined.setdefault(who, at)
        self.got.setdefault(broadcast, {})[who] = at

    def sums(self, *, numbered: bool) -> Counter[str]:
        """By the definitions: who joined before the first receive anywhere and stayed 2 s past the last, counts."""
        total: Counter[str] = Counter()
        for times in self.got.values():
            first, last = min(times.values()), max(times.values())
            counted = {who for who, at in self.joined.items() if at < first and self.left[who] >= last + STAY_S}
            if len(counted) > 1 or (counted and numbered):
                total["broadcasts"] += 1
                total["expected"] += len(counted)
                total["counted"] += len(counted & times.keys())
        return total


class Churn:
    """40 s of a broadcast every 0.25 s to users of three workers who come, go, and miss some."""

    def __init__(self, seed: int, *, numbered: bool, drop: float, delay: float) -> None:
        self.draw = random.Random(seed)
        self.numbered, self.drop, self.delay = numbered, drop, delay
        self.truth, self.fanout = Truth(), Fanout()
        self.workers = [Worker("w0", 0.0), Worker("w1", 1234.5), Worker("w2", -77.0)]
        self.here: dict[str, Worker] = {}
        self.under_way: list[tuple[float, int, str]] = []
        self.users = 0
        self.outcomes: list[Outcome] = []

    def broadcast(self, number: int, now: float) -> None:
        """Send one to everybody who is here; half of them get it `delay` later."""
        while len(self.here) < 30 or self.draw.random() < 0.3:
            self.users += 1
            self.here[f"u{self.users}"] = self.draw.choice(self.workers)
        for who in self.here:
            lag = 0.002 + (self.delay if int(who[1:]) % 2 else 0.0)
            if self.draw.random() >= self.drop:
                self.under_way.append((now + lag + self.draw.random() * 0.004, number, who))
        self.under_way.sort()

    def arrive(self, until: float) -> None:
        """Deliver what arrives until then to those who are still here."""
        while self.under_way and self.under_way[0][0] < until:
            at, number, who = self.under_way.pop(0)
            if who in self.here:
                self.here[who].get(who, at, b"p%d" % number, number + 5 if self.numbered else None)
                self.truth.deliver(number, who, at)

    def go(self, at: float, chance: float) -> None:
        """Some leave."""
        for who in list(self.here):
            if who in self.truth.joined and self.draw.random() < chance:
                self.here.pop(who).leave(who, at)
                self.truth.left[who] = at

    def run(self) -> Counter[str]:
        """What the master makes of it."""
        for tick in range(160):
            now = tick * 0.25
            self.broadcast(tick, now)
            self.arrive(now + 0.24)
            self.go(now + 0.245, 0.01)
            if tick % 4 == 3:
                self.tell(now + 0.25, final=False)
        self.go(40.0, 2.0)
        self.tell(40.0, final=True)
        ours = sums(self.outcomes + self.fanout.finish())
        del ours["unjudged"]
        return ours

    def tell(self, at: float, *, final: bool) -> None:
        """Every worker makes a Record."""
        for worker in self.workers:
            self.outcomes += self.fanout.add(worker.tell(at, final=final))


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize(("drop", "delay"), [(0.0, 0.0), (0.01, 0.04), (0.3, 0.0), (0.1, 0.7)])
def test_completeness_is_what_sets_for_each_broadcast_would_give(*, numbered: bool, drop: float, delay: float) -> None:
    for seed in range(5):
        churn = Churn(seed, numbered=numbered, drop=drop, delay=delay)
        ours, truth = churn.run(), churn.truth.sums(numbered=numbered)
        assert ours == truth
        assert truth["counted"] < truth["expected"] or not drop


def crowd(workers: int, each: int, first: int = 0) -> list[Worker]:
    """Workers whose connections have all joined at 0 with a broadcast of this number."""
    made = [Worker(f"w{i}", float(i)) for i in range(workers)]
    for worker in made:
        for i in range(each):
            worker.get(f"{worker.name}-{i}", 0.0, b"hello", first)
    return made


def test_skew_is_from_the_first_receive_on_one_worker_to_the_last_on_another() -> None:
    early, late = crowd(2, 3)
    for number in (1, 2):
        for i in range(3):
            early.get(f"w0-{i}", number + i * 0.001, b"%d" % number, number)
            late.get(f"w1-{i}", number + 0.040 + i * 0.001, b"%d" % number, number)
    outcomes = [o for o in finished([early, late], 10.0) if o.judged]
    assert [o.skew for o in outcomes] == [pytest.approx(0.042), pytest.approx(0.042)]
    assert [o.second for o in outcomes] == [1, 2]
    assert sums(outcomes) == {"broadcasts": 2, "expected": 12, "counted": 12}


def test_what_nobody_got_is_known_by_its_number() -> None:
    workers = crowd(2, 3)
    for number in (1, 2, 5):  # 3 and 4 reached nobody
        for worker in workers:
            for i in range(3):
                worker.get(f"{worker.name}-{i}", float(number), b"%d" % number, number)
    assert sums(finished(workers, 20.0)) == {"broadcasts": 5, "expected": 30, "counted": 18, "unjudged": 1}


def test_a_server_that_begins_its_numbers_anew_loses_nothing() -> None:
    workers = crowd(2, 3, 899)
    numbers = [*range(900, 905), *range(1, 6)]
    for at, number in enumerate(numbers):
        for worker in workers:
            for i in range(3):
                worker.get(f"{worker.name}-{i}", 10.0 + at, b"%d" % at, number)
    assert sums(finished(workers, 40.0)) == {"broadcasts": 10, "expected": 60, "counted": 60, "unjudged": 1}


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize(("workers", "each"), [(1, 4), (4, 1), (2, 2)])
def test_messages_of_each_connection_s_own_are_no_broadcasts_that_the_others_missed(
    *, numbered: bool, workers: int, each: int
) -> None:
    made = [Worker(f"w{i}") for i in range(workers)]
    for n in range(40):
        for worker in made:
            for i in range(each):
                who = f"{worker.name}-{i}"
                own = 10 * i + 1000 * made.index(worker) + n
                worker.get(who, n * 0.25, f"{who} {n}".encode(), own if numbered else None)
    assert sums(finished(made, 20.0)).keys() == {"unjudged"}


def test_one_connection_alone_can_not_tell_what_it_did_not_get_unless_there_are_numbers() -> None:
    (alone,) = crowd(1, 1)
    for number in (1, 2, 4):
        alone.get("w0-0", float(number), b"%d" % number, number)
    assert sums(finished([alone], 20.0)) == {"broadcasts": 4, "expected": 4, "counted": 3, "unjudged": 1}
    unnumbered = Worker("w0")
    for number in range(4):
        unnumbered.get("a", float(number), b"%d" % number)
    assert sums(finished([unnumbered], 20.0)) == {"unjudged": 4}


def test_identical_payloads_in_succession_are_as_many_broadcasts_and_a_missed_one_is_missed_once() -> None:
    workers = [Worker("w0"), Worker("w1", 50.0)]
    for n in range(20):
        for worker in workers:
            for i in range(3):
                if not (n == 7 and worker.name == "w1" and i < 2):  # two connections miss the eighth
                    worker.get(f"{worker.name}-{i}", n * 0.5 + 0.01 * i, b"tick")
    outcomes = finished(workers, 30.0)
    assert sums(outcomes) == {"broadcasts": 19, "expected": 114, "counted": 112, "unjudged": 1}
    assert [o.skew for o in outcomes if o.skew is not None] == []  # whose time is whose can't be told


def test_a_worker_that_fell_silent_takes_its_connections_with_it() -> None:
    there, gone = crowd(2, 3)
    fanout = Fanout()
    outcomes: list[Outcome] = []
    for second in range(1, 90):
        for i in range(3):
            there.get(f"w0-{i}", float(second), b"%d" % second, second)
            if second < 20:
                gone.get(f"w1-{i}", float(second), b"%d" % second, second)
        outcomes += fanout.add(there.tell(second + 0.5))
        if second < 20:
            outcomes += fanout.add(gone.tell(second + 0.5))
    total = sums(outcomes)
    assert total["counted"] == total["expected"]  # nobody says that its three missed what came after
    assert total["broadcasts"] >= 20
    assert sums(outcomes + fanout.finish())["broadcasts"] >= 80


def frozen_run(frozen_s: float, *, same: bool, one_read: bool) -> list[Outcome]:
    """Two workers of three; one stands still for `frozen_s` from 10.2 s on, and then reads all that came meanwhile.

    With `one_read` the kernel tells of all of it the time of the last of it; else of each when it came. The worker
    tells once before it reads.
    """
    end = 10.2 + frozen_s
    running, frozen = Worker("w0"), Worker("w1", 50.0)
    fanout, outcomes = Fanout(), []
    backlog: list[int] = []
    for n in range(round((end + 12) * 2)):
        now = n / 2
        thawed = bool(backlog) and now >= end
        outcomes += fanout.add(frozen.tell(end)) if thawed else []
        backlog.append(n)
        for i in range(3):
            running.get(f"w0-{i}", now + 0.001 * i, b"tick" if same else b"tick %d" % n)
            for late in backlog if not 10.2 <= now < end else []:
                at = backlog[-2] / 2 if one_read and late < n else late / 2
                frozen.get(f"w1-{i}", at + 0.001 * i, b"tick" if same else b"tick %d" % late)
        if not 10.2 <= now < end:
            backlog.clear()
        if n % 2:
            outcomes += fanout.add(running.tell(now))
            outcomes += [] if backlog else fanout.add(frozen.tell(now))
    for worker in (running, frozen):
        for who in list(worker.followers):
            worker.leave(who, now + 10)
        outcomes += fanout.add(worker.tell(now + 10, final=True))
    return outcomes + fanout.finish()


@pytest.mark.parametrize("same", [False, True], ids=["all different", "all the same"])
@pytest.mark.parametrize("one_read", [True, False])
@pytest.mark.parametrize("frozen_s", [3.0, 8.0, 20.0])
def test_what_a_worker_that_stood_still_reads_late_is_not_missed(
    *, same: bool, one_read: bool, frozen_s: float
) -> None:
    total = sums(frozen_run(frozen_s, same=same, one_read=one_read))
    known = round((22.2 + frozen_s) * 2) - 1  # all but the first
    assert total == {"broadcasts": known, "expected": 6 * known, "counted": 6 * known, "unjudged": 1}


def test_records_that_come_late_and_out_of_order_change_nothing() -> None:
    draw = random.Random(4)
    in_order, shuffled = Fanout(), Fanout()
    workers = crowd(2, 3)
    told = []
    for second in range(1, 30):
        for worker in workers:
            for i in range(3):
                if draw.random() > 0.1:
                    worker.get(f"{worker.name}-{i}", float(second), b"%d" % second, second)
            told.append(worker.tell(second + 0.5))
    for worker in workers:
        for who in list(worker.followers):
            worker.leave(who, 40.0)
        told.append(worker.tell(41.0, final=True))
    expected = sums([o for record in told for o in in_order.add(record)] + in_order.finish())
    draw.shuffle(told)
    assert sums([o for record in told for o in shuffled.add(record)] + shuffled.finish()) == expected
    assert 0 < expected["counted"] < expected["expected"]


@pytest.mark.parametrize(
    ("errors", "late", "floor"),
    [
        ((0.0003, 0.0005, 0.0001), 0.0, 0.0008),  # the two worst may be off in opposite directions
        ((0.0003,), 0.0, 0.0),  # one clock is no further off than itself
        ((0.0003, 0.0005), 0.02, 0.0208),  # nothing is read early: of two reads that may be late, one counts
        ((0.0003,), 0.02, 0.02),
    ],
)
def test_the_error_of_a_skew_is_what_two_clocks_may_be_apart_and_a_read_may_be_late(
    errors: tuple[float, ...], late: float, floor: float
) -> None:
    workers = [Worker(f"w{i}", error=error, late=late) for i, error in enumerate(errors)]
    for number in range(3):
        for worker in workers:
            for i in range(2):
                worker.get(f"{worker.name}-{i}", float(number), b"%d" % number, number)
    judged = [outcome for outcome in finished(workers, 10.0) if outcome.judged]
    assert [outcome.error for outcome in judged] == [pytest.approx(floor)] * 2


@pytest.mark.parametrize("jitter", [0.001, 0.03])
def test_identical_payloads_are_counted_exactly_in_whatever_order_the_connections_get_them(jitter: float) -> None:
    for seed in range(10):
        draw = random.Random(seed)
        workers = [Worker("w0"), Worker("w1", 50.0)]
        missed = [(n, i) for n in range(10, 60) for i in (4, 9, 14, 19) if n % 7 == 0]
        events = [(n * 0.1 + draw.random() * jitter, n, i) for n in range(100) for i in range(20)]
        for at, n, i in sorted(events):
            if (n, i) not in missed:
                workers[i % 2].get(f"u{i}", at, b"same")
        total = sums(finished(workers, 10.0))
        assert total["expected"] - total["counted"] == len(missed)


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("late", [24.0, 27.5, 29.0])
def test_what_one_worker_gets_up_to_30_s_after_the_other_is_late_and_not_missed(*, numbered: bool, late: float) -> None:
    a, b = Worker("w0"), Worker("w1", 50.0)
    fanout, outcomes = Fanout(), []
    for tick in range(80 * 2):
        now = tick / 2
        for worker in (a, b):
            for i in range(2):
                if now == 1.0:
                    worker.get(f"{worker.name}-{i}", now, b"first", 1 if numbered else None)
                if now == (20.0 if worker is a else 20.0 + late):
                    worker.get(f"{worker.name}-{i}", now, b"second", 2 if numbered else None)
            outcomes += fanout.add(worker.tell(now)) if tick % 2 else []
    for worker in (a, b):
        for who in list(worker.followers):
            worker.leave(who, 80.0)
        outcomes += fanout.add(worker.tell(80.0, final=True))
    judged = [outcome for outcome in outcomes + fanout.finish() if outcome.expected]
    assert [(outcome.expected, outcome.counted, outcome.skew) for outcome in judged] == [(4, 4, late)]
