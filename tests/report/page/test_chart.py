"""report/page/chart.py: a chart is its table, and keeps its peaks however long the run was."""

import pytest

from loadtest.report.page.chart import BUCKETS, Column, over_time, thinned


def test_a_short_run_is_shown_second_by_second() -> None:
    chart = over_time("T", "ms", [0, 1, 2], [Column("a", [1.0, None, 0.123456]), Column("b", [1234.5, 2.0, 3.0])])
    assert chart is not None
    assert chart.rows == (("0", "1", "1234"), ("1", "", "2"), ("2", "0.1235", "3"))
    assert chart.note == ""


def test_what_has_no_value_at_all_is_not_shown() -> None:
    chart = over_time("T", "", [0, 1], [Column("a", [None, None]), Column("b", [1, 2])])
    assert chart is not None
    assert chart.names == ("b",)
    assert over_time("T", "", [0, 1], [Column("a", [None, None])]) is None
    assert over_time("T", "", [], []) is None


def test_a_long_run_keeps_the_least_and_the_greatest_of_each_stretch_and_says_so() -> None:
    values = [5.0] * 3600
    values[1801], values[1802] = 900.0, 0.25  # a peak and a dip of one second each
    chart = over_time("T", "ms", range(3600), [Column("a", values)])
    assert chart is not None
    assert len(chart.rows) <= 2 * BUCKETS
    assert {"900", "0.25"} <= {row[1] for row in chart.rows}
    assert chart.note == "Each pair of rows is 12 s: the least and the greatest of their values."


@pytest.mark.parametrize("length", [1, 299, 300, 301, 599, 28_800])
def test_no_chart_has_more_rows_than_a_screen_has_pixels(length: int) -> None:
    chart = over_time("T", "", range(length), [Column("a", [1.0] * length)])
    assert chart is not None
    assert 1 <= len(chart.rows) <= 2 * BUCKETS
    xs = [float(row[0]) for row in chart.rows]
    assert xs == sorted(set(xs))


def test_a_stretch_without_values_stays_empty() -> None:
    rows = list(thinned(range(4), [[None, None, 1.0, None]], 2))
    assert rows == [(0, [None]), (1.0, [None]), (2, [1.0]), (3.0, [1.0])]
