"""A line every other second on how the run goes, for a terminal or a log. It reads Summary and counts nothing."""

from collections.abc import Callable

import gevent

from loadtest.histogram import Histogram
from loadtest.report import duration_text
from loadtest.results import Record
from loadtest.schedule import Plan

__all__ = ["Progress"]

EVERY_S = 2.0


class Progress:
    """Collects the Records since the last line; `line()` formats and resets. `connected`: workers that take part."""

    def __init__(self, plan: Plan | None, elapsed: Callable[[], float], connected: Callable[[], int]) -> None:
        self.plan = plan
        self.elapsed = elapsed
        self.connected = connected
        self._users: dict[str, int] = {}
        self._open: dict[str, int] = {}
        self._times = {"delivery": Histogram(), "response": Histogram()}
        self._counts: dict[str, int] = {}
        self._errors = 0
        self._since = 0.0

    def add(self, record: Record) -> None:
        """Take a Record in."""
        self._users[record.worker] = sum(gauges.get("users", 0) for gauges in record.gauges.values())
        self._open[record.worker] = sum(gauges.get("open", 0) for gauges in record.gauges.values())
        for measured in record.series:
            if measured.measure in self._times and measured.histogram is not None:
                self._times[measured.measure].merge(Histogram.from_wire(measured.histogram))
        for counts in record.counters.values():
            for name in ("messages", "requests"):
                self._counts[name] = self._counts.get(name, 0) + counts.get(name, 0)
        self._errors += sum(sum(errors.values()) for errors in record.errors.values())

    def line(self) -> str:
        """Such as `12s of 40s  ramp-up  2 worker(s)  24 users  20 open  130 msg/s  delivery p99 3.1 ms  0 errors`."""
        now = self.elapsed()
        span, self._since = max(now - self._since, 0.5), now
        parts = [self._clock(now), f"{self.connected()} worker(s)", f"{sum(self._users.values()):,} users"]
        if any(self._open.values()) or self._counts.get("messages"):
            parts.append(f"{sum(self._open.values()):,} open")
            parts += self._rate("messages", "msg/s", "delivery", span)
        if self._counts.get("requests"):
            parts += self._rate("requests", "req/s", "response", span)
        parts.append(f"{self._errors:,} errors")
        self._counts.clear()
        self._times = {name: Histogram() for name in self._times}
        return "  " + "  ".join(parts)

    def _clock(self, now: float) -> str:
        if self.plan is None:
            return f"{duration_text(now):>6}"
        phase = self.plan.phase_at(min(now, self.plan.duration))
        return f"{duration_text(now):>6} of {duration_text(self.plan.duration)}  {phase:<9}"

    def _rate(self, counter: str, unit: str, measure: str, span: float) -> list[str]:
        rate = f"{self._counts.get(counter, 0) / span:,.0f} {unit}"
        p99 = self._times[measure].percentile(99)
        return [rate] if p99 is None else [rate, f"{measure} p99 {p99 * 1000:.3g} ms"]

    def run(self, say: Callable[[str], None], *, until: Callable[[], bool]) -> gevent.Greenlet:
        """Print a line every EVERY_S seconds until told to end."""

        def loop() -> None:
            while not until():
                gevent.sleep(EVERY_S)
                if not until():
                    say(self.line())

        return gevent.spawn(loop)
