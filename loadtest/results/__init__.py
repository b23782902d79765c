"""What a run was: Records come from the workers, one a second; Summary is their sum. Nothing here judges or formats."""

from loadtest.results.endings import Unexplained, unexplained
from loadtest.results.exclusions import Exclusion, Exclusions
from loadtest.results.ledger import Ledger
from loadtest.results.outliers import Outlier, outliers
from loadtest.results.record import Measured, Record
from loadtest.results.summary import Summary
from loadtest.results.timeline import Phase, Second, Timeline
from loadtest.results.totals import Series, SeriesKey, Totals

__all__ = [
    "Exclusion",
    "Exclusions",
    "Ledger",
    "Measured",
    "Outlier",
    "Phase",
    "Record",
    "Second",
    "Series",
    "SeriesKey",
    "Summary",
    "Timeline",
    "Totals",
    "Unexplained",
    "outliers",
    "unexplained",
]
