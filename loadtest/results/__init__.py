"""What a run was: Records come from the workers, one a second; Summary is their sum. Nothing here judges or formats."""

from loadtest.results.record import Measured, Record
from loadtest.results.summary import Ledger, Series, SeriesKey, Summary

__all__ = ["Ledger", "Measured", "Record", "Series", "SeriesKey", "Summary"]
