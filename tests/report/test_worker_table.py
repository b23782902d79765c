"""report/worker_table.py: the workers side by side, those that differ first."""

from dataclasses import replace

from sample_run import FACTS

from loadtest.histogram import Histogram
from loadtest.limits import Limits
from loadtest.report import to_text
from loadtest.report.worker_table import worker_lines
from loadtest.results import Measured, Record, Summary


def name_of(number: int) -> str:
    return f"host_{number:032x}"


def run_of(workers: int, *, slow: int = -1, late: int = -1) -> tuple[list[str], Summary]:
    """Workers of 600 deliveries each; those of `slow` took 50 ms instead of 5, and the hub of `late` was late once."""
    summary = Summary("r1", Limits(lag=0.1))
    for number in range(workers):
        times = Histogram()
        for _ in range(600):
            times.record(0.05 if number == slow else 0.005)
        series = [Measured("g", "websocket", "delivery", "/ws", 600, 0, 0, times.to_wire())]
        health = {"cpu": 0.25, "lag_max": 0.001}
        counters = {"g": {"messages": 600}}
        gauges = {"g": {"users": 10}}
        summary.add(Record("r1", name_of(number), 0, 0, 0, series, counters, {}, gauges, health))
        if number == late:
            summary.add(Record("r1", name_of(number), 0, 1, 1, [], {}, {}, gauges, health | {"lag_max": 0.2}))
    return [name_of(number) for number in range(workers)], summary


def table(workers: int, *, slow: int = -1, late: int = -1) -> list[str]:
    names, summary = run_of(workers, slow=slow, late=late)
    return [line for line in worker_lines(replace(FACTS, workers=names), summary) if line]


def test_each_worker_has_its_own_figures_and_the_one_that_differs_is_marked_and_comes_first() -> None:
    head, first, *others = table(4, slow=2, late=3)
    assert head.split() == [
        "worker",
        "users",
        "messages",
        "requests",
        *["delivery", "p99", "response", "p99", "lag", "p99"],
        "CPU",
        "left",
        "out",
    ]
    assert first.split()[:9] == ["host_000000", "10", "600", "0", "50", "–", "–", "25%", "0"]
    assert first.endswith("← differs: delivery p50, delivery p99")
    assert [line.split()[4] for line in others] == ["5", "5", "5"]
    assert others[0].endswith("1 s")  # left out for a second
    assert not any("differs" in line for line in others)


def test_of_many_workers_the_others_are_counted() -> None:
    lines = table(20, slow=19)
    assert len(lines) == 1 + 4 + 1
    assert "differs" in lines[1]
    assert lines[-1] == "  … and 16 more workers, in report.html"


def test_one_worker_has_nobody_to_differ_from() -> None:
    assert table(1) == []


def test_it_stands_in_the_result_on_the_console() -> None:
    names, summary = run_of(2)
    assert "delivery p99  response p99" in to_text(replace(FACTS, workers=names), summary)
