"""What all tests share. Locust is imported first: that patches the process, and must happen before ssl is loaded."""

import os
import signal
from collections.abc import Iterator

import locust  # noqa: F401 - see above

import hypothesis
import pytest

# Shared machines stall: an example that took long says nothing about the code.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # What a shell without job control starts with & ignores SIGINT, and so would every program that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

REQUIRED = frozenset(os.environ.get("LOADTEST_REQUIRE", "").split(","))
"""Markers whose tests may not be skipped: CI installs what they need, so a skip there is a failure."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn the skip of a required test into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and REQUIRED & {mark.name for mark in item.iter_markers()}:
        report.outcome = "failed"
        report.longrepr = f"skipped, but LOADTEST_REQUIRE says it must run: {report.longrepr}"
    return report
