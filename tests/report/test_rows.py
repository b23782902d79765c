"""report/rows.py: a run second by second, in figures that were worked out by hand."""

import csv
import io

import pytest
from synthetic_run import synthetic_run

from loadtest.histogram import Histogram
from loadtest.report.rows import COLUMNS, Row, read_csv, rows_of, to_csv
from loadtest.results import Measured, Record, Summary


def times(*seconds: float) -> list[object]:
    histogram = Histogram()
    for value in seconds:
        histogram.record(value)
    return histogram.to_wire()


def second(worker: str, number: int, messages: int, *delivery: float, cpu: float) -> Record:
    series = [Measured("g", "websocket", "delivery", "/ws", len(delivery), 0, 0, times(*delivery))]
    counters = {"g": {"messages": messages, "expected_deliveries": 4, "counted_deliveries": 3}, "h": {"requests": 2}}
    errors = {"g": {"late": 1}, "h": {"late": 2, "lost": 3}}
    gauges = {"g": {"users": 5, "open": 4}, "h": {"users": 1}}
    health = {"cpu": cpu, "lag_max": 0.002}
    return Record("r1", worker, 0, number, number, series, counters, errors, gauges, health)


@pytest.fixture
def summary() -> Summary:
    summary = Summary("r1")
    summary.add(second("w1", 0, 10, 0.010, 0.020, cpu=0.25))
    summary.add(second("w2", 0, 20, 0.030, 0.040, cpu=0.75))
    summary.add(second("w1", 2, 7, 0.050, cpu=0.5))
    return summary


def test_a_second_is_summed_over_workers_and_groups(summary: Summary) -> None:
    first = rows_of(summary)[0]
    assert (first.second, first.phase, first.workers, first.users, first.open) == (0, "plateau", 2, 12, 8)
    assert (first.counts["messages"], first.counts["requests"]) == (30, 4)
    assert first.errors == {"late": 6, "lost": 6}
    assert first.completeness == 75
    assert first.times["delivery_p50_ms"] == pytest.approx(20, rel=5e-3)
    assert first.times["delivery_p99_ms"] == pytest.approx(40, rel=5e-3)
    assert first.worst("cpu") == 0.75


def test_the_csv_has_a_row_for_each_second_and_empty_cells_for_what_is_not_known(summary: Summary) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(rows_of(summary)))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["second"] for row in rows] == ["0", "1", "2"]
    assert [row["messages"] for row in rows] == ["30", "0", "7"]
    assert [row["workers"] for row in rows] == ["2", "0", "1"]  # nobody told of the one in the middle
    assert [row["delivery_p50_ms"][:2] for row in rows] == ["20", "", "50"]
    assert [row["completeness_percent"] for row in rows] == ["75", "", "75"]
    assert [row["lag_max_ms"] for row in rows] == ["2", "", "2"]


def test_the_rows_add_up_to_the_summary() -> None:
    summary = synthetic_run(40)
    rows = rows_of(summary)
    for name in ("messages", "requests"):
        assert sum(row.counts[name] for row in rows) == summary.counted(None, name) > 0
    assert sum(row.errors.total() for row in rows) == sum(sum(names.values()) for names in summary.errors.values()) > 0
    assert [row.phase for row in rows].count("plateau") == 32


def test_a_csv_is_read_back_and_anything_else_is_refused(summary: Summary) -> None:
    text = to_csv(rows_of(summary))
    assert [row["messages"] for row in read_csv(text)] == ["30", "0", "7"]
    for wrong in ("", "a,b\n1,2\n", text + "1,2,3" + "," * len(COLUMNS) + "x\n"):
        with pytest.raises(ValueError, match=r"not a timeline\.csv"):
            read_csv(wrong)


def test_a_worker_over_a_limit_is_named_in_its_second(summary: Summary) -> None:
    summary.add(second("w1", 3, 1, 0.5, cpu=99.0))
    rows = rows_of(summary)
    assert [row.excluded for row in rows] == [(), (), (), ("w1",)]
    assert rows[3].counts["messages"] == 1  # what was counted counts
    assert "delivery_p50_ms" not in rows[3].times
    assert [cells["excluded"] for cells in map(Row.cells, rows)] == ["0", "0", "0", "1"]
