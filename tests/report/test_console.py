"""report/console.py: what the console says of a run."""

from dataclasses import replace

from sample_run import FACTS, measured, sample_summary

from loadtest.report import to_text
from loadtest.results import Record, Summary


def test_the_console_begins_with_the_verdict_and_names_errors_with_what_to_check() -> None:
    lines = [line for line in to_text(FACTS, sample_summary()).splitlines() if line]
    assert lines[0] == "  FAIL: 1 of 1 SLOs breached: errors < 1%"
    text = "\n".join(lines)
    assert "fail    errors < 1%" in text
    assert "request: timeout" in text
    assert "WS_MAX_CONNECTIONS_PER_IP" in text


def crowded() -> Summary:
    """Thirty series, twenty kinds of errors, and hints for several."""
    summary = Summary("r1")
    series = [
        measured("rest", measure, f"GET /{name:02}", 0.001)
        for measure in ("response", "service", "connect")
        for name in range(10)
    ]
    errors = {f"kind {n}": n + 1 for n in range(15)} | {
        f"connect: HTTP {code}": 1 for code in (401, 403, 404, 429, 503)
    }
    summary.add(Record("r1", "w1", 0, 0, 0, series, {"pollers": {"requests": 9}}, {"pollers": errors}, {}, {}))
    return summary


def test_however_much_there_is_it_fits_one_screen_and_says_what_was_left_out() -> None:
    text = to_text(replace(FACTS, slos=FACTS.slos * 5), crowded())
    assert len(text.splitlines()) <= 40
    assert "… and 19 more series, in report.html" in text
    assert "… and 15 more kinds, in summary.json" in text
    assert text.count("  response  GET") == 10  # what callers felt comes before how it came about


def test_few_series_are_all_shown() -> None:
    assert "more series" not in to_text(FACTS, sample_summary())


def test_open_arrivals_say_what_became_of_what_was_due() -> None:
    summary = Summary("r1")
    counts = {"due": 1200, "requests": 1100, "missed": 90, "pending_at_end": 10}
    summary.add(Record("r1", "w1", 0, 0, 0, [], {"visitors": counts, "others": {"requests": 7}}, {}, {}, {}))
    assert "open arrivals: 1,200 due, 1,100 sent, 90 missed, 10 unsent at the end" in to_text(FACTS, summary)
    assert "open arrivals" not in to_text(FACTS, crowded())
