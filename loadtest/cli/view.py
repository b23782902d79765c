"""The run on a terminal: one view, drawn anew each second by what the master says. Elsewhere there are plain lines."""

from collections.abc import Iterator
from typing import TextIO

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadtest.monitor import STATUS_MARK, Status
from loadtest.monitor.document import Times
from loadtest.report import duration_text

__all__ = ["View", "drawn"]

WORKERS = 12
"""Shown at most; the others are counted."""
COLORS = {"pass": "green", "fail": "bold red", "warn": "yellow", "no-data": "yellow"}


class View:
    """Draws on a terminal. `pause` takes it away, so that lines can be printed; the next status draws it again."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)
        self._live: Live | None = None

    def take(self, line: str) -> bool:
        """Draw what a line of the master says; False if it is one for people."""
        if not line.startswith(STATUS_MARK):
            return False
        try:
            status = msgspec.json.decode(line[len(STATUS_MARK) :], type=Status)
        except msgspec.MsgspecError:
            return True  # cut short by the master's end
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True, vertical_overflow="crop")
            self._live.start()
        self._live.update(drawn(status), refresh=True)
        return True

    def pause(self) -> None:
        """Take the view off the terminal."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def drawn(status: Status) -> RenderableType:
    """One screen: where the run is, what it does, how it is judged, whether the generator can be trusted."""
    return Group(*_parts(status))


def _parts(status: Status) -> Iterator[RenderableType]:
    yield ""
    yield _headline(status)
    stage = status.stage
    if stage.duration_s:
        yield ProgressBar(total=stage.duration_s, completed=min(stage.elapsed_s, stage.duration_s))
    yield _groups(status)
    if status.slos:
        yield _slos(status)
    yield _workers(status)
    if status.health.banner:
        yield Text(f"load generator: {status.health.banner}", style="bold yellow")
    else:
        yield Text("load generator: ok", style="green")
    for error in status.errors[:5]:
        yield Text(f"{error.count:,} × {error.group}: {error.name}", style="red")


def _headline(status: Status) -> Text:
    stage = status.stage
    line = Text(status.profile or "locustfile", style="bold")
    state = stage.phase if status.state == "running" and stage.phase else status.state
    line.append(f"  {state}", style="cyan")
    line.append(f"  {duration_text(stage.elapsed_s)}", style="not bold")
    if stage.duration_s is not None:
        line.append(f" of {duration_text(stage.duration_s)}", style="not bold")
    if stage.next_change_s is not None:
        left = max(0.0, stage.next_change_s - stage.elapsed_s)
        line.append(f", {duration_text(left)} left of this stage", style="not bold")
    wanted_users = "" if status.users.target is None else f" of {status.users.target:,}"
    line.append(f"  {status.users.now:,}{wanted_users} users", style="not bold")
    return line


def _table(*columns: str, words: int = 1) -> Table:
    """The first `words` columns are words, the others figures."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < words else "right", no_wrap=True)
    return table


def _groups(status: Status) -> Table:
    table = _table("group", "measure", "open", "per second", "p50 ms", "p95 ms", "p99 ms", "±", "errors", words=2)
    for stream in status.streams:
        opened = f"{stream.open:,}" if stream.target is None else f"{stream.open:,}/{stream.target:,}"
        rate = f"{stream.messages_per_s:,.0f} msg"
        table.add_row(stream.group, stream.measure, opened, rate, *_times(stream.times), _errors(stream.errors))
    for requests in status.requests:
        rate = f"{requests.requests_per_s:,.0f} req"
        table.add_row(requests.group, "response", "", rate, *_times(requests.times), _errors(requests.errors))
    return table


def _times(times: Times) -> list[str]:
    return [_figure(value) for value in (times.p50_ms, times.p95_ms, times.p99_ms, times.error_ms or None)]


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def _errors(count: int) -> Text:
    return Text(f"{count:,}", style="red" if count else "")


def _slos(status: Status) -> Table:
    table = _table("SLO", "now", "observed", "margin", words=2)
    for slo in status.slos:
        space = "" if slo.unit in ("", "%", "/s") else " "
        observed = "no samples" if slo.observed is None else f"{_figure(slo.observed)}{space}{slo.unit}"
        margin = "–" if slo.margin is None else f"{slo.margin:.0%}"
        table.add_row(Text(slo.text), Text(slo.verdict, style=COLORS.get(slo.verdict, "")), observed, margin)
    return table


def _workers(status: Status) -> Table:
    table = _table("worker", "state", "users", "CPU", "lag ms", "clock ± ms", "last report", words=2)
    for worker in status.workers[:WORKERS]:
        cpu = "–" if worker.cpu is None else f"{worker.cpu:.0%}"
        report = "–" if worker.last_report_s is None else f"{worker.last_report_s:.0f} s ago"
        style = "bold yellow" if worker.over or worker.state == "missing" else ""
        figures = (f"{worker.users:,}", cpu, _figure(worker.lag_ms), _figure(worker.clock_error_ms), report)
        table.add_row(Text(worker.name), worker.state, *figures, style=style)
    if len(status.workers) > WORKERS:
        table.add_row(f"… and {len(status.workers) - WORKERS} more")
    return table
