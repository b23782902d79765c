"""Locust's own CSV files with the final rows: its writer (`--csv`) samples, and stops before the last reports."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from locust.env import Environment
from locust.stats import PERCENTILES_TO_REPORT, StatsCSV

__all__ = ["csv_files"]


def csv_files(environment: Environment) -> Iterator[tuple[str, str]]:
    """(name, text) of requests, failures and exceptions, in Locust's own columns."""
    tables = StatsCSV(environment, PERCENTILES_TO_REPORT)
    yield "locust_stats.csv", _written(tables.requests_csv)
    yield "locust_failures.csv", _written(tables.failures_csv)
    yield "locust_exceptions.csv", _written(tables.exceptions_csv)


def _written(fill: Callable[[Any], None]) -> str:
    text = io.StringIO()
    fill(csv.writer(text, lineterminator="\n"))
    return text.getvalue()
