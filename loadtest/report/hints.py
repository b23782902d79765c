"""Sentences on what to check, found in what a run counted."""

from collections import Counter
from collections.abc import Sequence

from loadtest.results import Summary, outliers
from loadtest.slo import Verdict

__all__ = ["hints"]

HANGS_UP = "the target, or a proxy before it, hangs up before it answers; see its log."
HINTS = {
    "connect: HTTP 401": "HTTP 401: the target wants credentials; check target.token or target.headers.",
    "connect: HTTP 404": "HTTP 404: the target has no WebSocket at this path; check the group's `websocket:`.",
    "connect: HTTP 429": "HTTP 429: the target limits how fast connections may come; ramp up more slowly.",
    "connect: HTTP 503": "HTTP 503: the target is over a limit of its own, or a proxy before it has no backend.",
    "connect: DNS": "DNS: the target's name does not resolve from the workers; check target.url there.",
    "connect: connection closed": f"connection closed: {HANGS_UP}",
    "connect: connection reset": f"connection reset: {HANGS_UP}",
    "connect: refused": "refused: nothing listens at the target's port; is it up, and is target.url right?",
    "connect: timeout: TCP": (
        "timeout: TCP: the target's address takes no connections; is its backlog full, or does a firewall drop them?"
    ),
    "connect: timeout: upgrade": "timeout: upgrade: the target takes connections and does not answer; does it hang?",
    "connect: TLS: certificate": "TLS: the certificate is not trusted; set target.ca_file, or target.verify: false.",
}


OUTLIERS_SHOWN = 3
PLAIN_S = 1000
COARSE_S = 0.01
LIMIT = "the target's limit of connections per address (WS_MAX_CONNECTIONS_PER_IP): a worker is one address"
CREDENTIAL = "the token (target.token, WS_AUTH_TOKEN)"


def hints(summary: Summary, slos: Sequence[Verdict] = ()) -> list[str]:
    """What to check, a sentence each: for errors that come in waves, and for SLOs that had nothing to judge."""
    counted: Counter[str] = Counter()
    for errors in summary.errors.values():
        counted.update(errors)
    found = [f"{counted[name]:,} × {text}" for name, text in HINTS.items() if name in counted]
    if refused := counted["connect: HTTP 403"]:
        first, second = (LIMIT, CREDENTIAL) if summary.ledger().established else (CREDENTIAL, LIMIT)
        found.append(f"{refused:,} × HTTP 403: check first {first}, then {second}.")
    if any(slo.observed is None and " delivery " in f" {slo.text}" for slo in slos):
        found += _why_no_delivery(summary)
    if any(slo.observed is None and " freshness " in f" {slo.text}" for slo in slos):
        found += _why_no_freshness(summary)
    found += _clock_was_set(summary)
    found += _coarse_times(summary)
    workers = {name: worker.totals for name, worker in summary.workers.items()}
    differing = [str(outlier) for outlier in outliers(workers)]
    if differing:
        more = f" (and {len(differing) - OUTLIERS_SHOWN} more)" if len(differing) > OUTLIERS_SHOWN else ""
        told = "; ".join(differing[:OUTLIERS_SHOWN])
        found.append(f"workers differ: {told}{more}; compare their machines, and their ways to the target.")
    return found


def _clock_was_set(summary: Summary) -> list[str]:
    step = max((worker.worst.get("clock_step", 0.0) for worker in summary.workers.values()), default=0.0)
    if not step:
        return []
    by = f"{step:,.3g} s" if step < PLAIN_S else f"{step:,.0f} s"
    told = f"the target's clock was set by {by} in mid-run, or several clocks answer at its address"
    return [f"{told}: what is timed by it may be wrong by as much. Let that clock be slewed, not set, and run again."]


def _coarse_times(summary: Summary) -> list[str]:
    """Where a step is more than most latencies are."""
    steps = {
        (key.measure, series.step)
        for key, series in summary.series.items()
        if series.step >= COARSE_S and series.histogram.count
    }
    return [
        f"{measure} is right to ± {step:g} s only: in such steps the server tells the times that it is reckoned from;"
        " let it send fractions of a second."
        for measure, step in sorted(steps)
    ]


def _why_no_delivery(summary: Summary) -> list[str]:
    messages, unclocked = summary.counted(None, "messages"), summary.counted(None, "unclocked")
    if not messages or summary.histogram(None, "delivery").count:
        return []
    if unclocked:
        return ["no delivery latency: messages say when they were sent, but target.clock is not known."]
    why = f"none of {messages:,} messages has the field that send_time names"
    return [f"no delivery latency: {why}; judge gap or ping, such as --set 'slo.0=websocket ping p99 < 100ms'."]


def _why_no_freshness(summary: Summary) -> list[str]:
    undated, unclocked = summary.counted(None, "undated"), summary.counted(None, "unclocked")
    if summary.histogram(None, "freshness").count or not undated + unclocked:
        return []
    if undated < summary.counted(None, "messages") and unclocked:
        return ["no freshness: messages say how old their data is, but target.clock is not known."]
    return [f"no freshness: {undated:,} messages have no time at the field that freshness names."]
