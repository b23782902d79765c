"""Renders the report: one file without anything to fetch. What it says comes from rows, charts and tables."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence

import jinja2
from markupsafe import Markup

from loadtest import charts
from loadtest.report.facts import RunFacts, duration_text
from loadtest.report.hints import hints
from loadtest.report.page.chart import Chart, Shade
from loadtest.report.page.charts import charts_of, distribution_of, shades_of
from loadtest.report.page.tables import slo_rows, tables_of
from loadtest.report.rows import Row
from loadtest.results import Summary

__all__ = ["START", "environment", "figure_with", "scripts", "to_html"]

START = "LoadtestCharts.drawAll(document);\n"


def environment(*packages: str) -> jinja2.Environment:
    """Templates of this package, and of others beside it, which escape whatever is put into them."""
    folders = [jinja2.PackageLoader("loadtest.report", "page"), *(jinja2.PackageLoader(name, "") for name in packages)]
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )


def figure_with(templates: jinja2.Environment, shades: Sequence[Shade]) -> Callable[[Chart], Markup]:
    """The macro that makes a figure of a chart; those over time have `shades` behind their lines."""
    shade = json.dumps([{"from": s.start, "to": s.end, "kind": s.kind} for s in shades])
    figure: Callable[[Chart], Markup] = templates.get_template("figure.html").make_module({"shade": shade}).figure  # type: ignore[attr-defined]
    return figure


def scripts(*texts: str) -> dict[str, Markup]:
    """What a page needs for its charts: scripts and style that may stand in it, and the scripts' hashes for its CSP."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    names = ("library_script", "chart_script", "start")
    style = charts.library_style() + charts.shipped("page.css")
    return {
        **{name: Markup(text) for name, text in zip(names, texts, strict=True)},  # noqa: S704 - files of this package
        "hashes": Markup(" ".join(f"'sha256-{found}'" for found in hashes)),  # noqa: S704 - base64
        "style": Markup(style),  # noqa: S704 - files of this package
    }


def to_html(facts: RunFacts, summary: Summary, rows: Sequence[Row], profile: str | None) -> str:
    """The report as one page. `profile` is the resolved profile's text, its secrets masked."""
    templates = environment()
    shades = shades_of(rows)
    return templates.get_template("report.html").render(
        facts=facts,
        overview=list(_overview(facts, summary)),
        hints=hints(summary, facts.slos),
        slos=slo_rows(facts),
        charts=charts_of(rows),
        has_excluded=any(shade.kind == "excluded" for shade in shades),
        distribution=distribution_of(summary),
        tables=list(tables_of(facts, summary)),
        method=list(_method(facts, summary)),
        profile=profile,
        version=dict(facts.versions).get("loadtest", ""),
        library=charts.LIBRARY,
        figure=figure_with(templates, shades),
        **scripts(charts.library_script(), charts.shipped("charts.js"), START),
    )


def _overview(facts: RunFacts, summary: Summary) -> Iterator[tuple[str, str]]:
    yield "Target", ", ".join(facts.targets) or "–"
    yield "Started", facts.started_at[:19].replace("T", " ") + " UTC"
    yield "Duration", duration_text(facts.duration_s)
    yield "Peak users", f"{summary.peak_users:,}"
    yield "Workers", str(len(facts.workers))
    for name in ("messages", "requests"):
        if count := summary.counted(None, name):
            yield f"{name.capitalize()}", f"{count:,}"
    ratio, attempts = summary.error_ratio(None)
    if ratio is not None:
        yield "Errors", f"{100 * ratio:.3g}% of {attempts:,}"


def _coarse(summary: Summary, measure: str) -> str:
    """What a server that tells whole seconds adds to the error."""
    step = max((series.step for series in summary.select(None, measure)), default=0.0)
    return f", with another {step * 1000:,.4g} ms: in such steps the server tells those times" if step else ""


def _method(facts: RunFacts, summary: Summary) -> Iterator[str]:
    if summary.histogram(None, "delivery").count:
        error = summary.clock_error() * 1000
        yield (
            "Delivery latency is receive time + clock offset − the server's own send time. The offset's error was at"
            f" most ± {error:.3g} ms on any worker in any second, and is the ± of every SLO on delivery"
            f"{_coarse(summary, 'delivery')}."
        )
    if summary.histogram(None, "freshness").count:
        error = summary.clock_error() * 1000
        yield (
            "Freshness is receive time + clock offset − the time that the message gives its newest (or oldest) data."
            f" Its error is the offset's as well: ± {error:.3g} ms at most{_coarse(summary, 'freshness')}."
        )
    if any(key.kind == "rest" for key in summary.series):
        yield "Response time counts from when a request was due, service time from when it was sent."
    yield "Percentiles come from merged histograms with 0.1 % resolution, never from averages of percentiles."
    left_out, known = summary.exclusions.counted(summary.judged_seconds)
    if left_out:
        yield (
            f"{left_out:,} of {known:,} worker-seconds were over a limit of the generator: their timings are left out,"
            " what was counted in them is not."
        )
    if facts.phases:
        spans = ", ".join(f"{span.phase} {span.start:g}–{span.end:g} s" for span in facts.phases)
        yield f"Phases of the plan: {spans}."
    if facts.missing:
        yield f"The last report of {', '.join(facts.missing)} is missing, so what it saw at the end is not in here."
    if facts.seed is not None:
        yield f"Seed of all chance: {facts.seed}."
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in facts.versions) + "."
