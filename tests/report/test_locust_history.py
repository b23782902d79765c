"""report/locust_history.py: Locust's own columns, and counts and times that add up second by second."""

import csv
import io

from locust.env import Environment
from locust.stats import PERCENTILES_TO_REPORT, StatsCSVFileWriter

import msgspec
from support.sample_run import FACTS, measured, sample_summary

from loadtest.report.locust_history import COLUMNS, PERCENTILES, to_history_csv
from loadtest.results import Record


def history(*later: Record) -> list[dict[str, str]]:
    summary = sample_summary()
    for record in later:
        summary.add(record)
    return list(csv.DictReader(io.StringIO(to_history_csv(FACTS, summary))))


def test_the_columns_and_percentiles_are_locusts(tmp_path: object) -> None:
    writer = StatsCSVFileWriter(Environment(), PERCENTILES_TO_REPORT, f"{tmp_path}/x")
    writer.close_files()
    assert list(COLUMNS) == writer.stats_history_csv_columns
    assert [float(name[:-1]) for name in PERCENTILES] == [float(f"{100 * p:.6g}") for p in PERCENTILES_TO_REPORT]


def test_a_second_has_its_own_rates_and_all_that_was_so_far() -> None:
    again = Record("r1", "w1", 0, 1, 1, [measured("rest", "response", "GET /a", 0.5, failures=1)], {}, {}, {}, {})
    first, second = history(again)
    assert int(second["Timestamp"]) == int(first["Timestamp"]) + 1
    assert (float(first["Requests/s"]), float(first["Failures/s"])) == (104, 3)
    assert (float(second["Requests/s"]), float(second["Failures/s"])) == (2, 1)
    assert (second["Total Request Count"], second["Total Failure Count"]) == ("106", "4")
    assert abs(float(second["Total Max Response Time"]) - 500) < 5
    assert abs(float(first["100%"]) - 100) < 1
    assert abs(float(first["50%"]) - 50) < 1


def test_messages_without_a_send_time_count_and_have_no_time() -> None:
    counters = {"subscribers": {"messages": 7}}
    untimed = Record("r2", "w1", 0, 0, 0, [measured("websocket", "connect", "/ws", 0.002)], counters, {}, {}, {})
    summary = sample_summary().__class__("r2")
    summary.add(msgspec.structs.replace(untimed))
    (row,) = csv.DictReader(io.StringIO(to_history_csv(FACTS, summary)))
    assert row["Total Request Count"] == "8"
    assert abs(float(row["Total Median Response Time"]) - 2) < 0.1
