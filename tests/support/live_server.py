"""Serves the live page with a run that was made up: `python live_server.py SECONDS STEP`.

It begins with SECONDS behind it and goes on by STEP seconds each time the timeline is asked for. Every tenth minute a
worker is out of CPU.
"""

import math
import sys
from pathlib import Path

from flask import Flask, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from loadtest.dashboard import api, live_page
from loadtest.histogram import Histogram
from loadtest.monitor import History, Moment, Seen, Span, Status, Timeline, status_of, timeline_of
from loadtest.results import Summary
from loadtest.schedule import Part, Plan, Stage
from loadtest.slo import parse

BUSY = 0.9
KINDS = {"market": "websocket", "pollers": "rest"}
PLAN = Plan.over_total([Stage.ramp(800, 600), Stage.hold(12 * 3600)], {"market": Part(300), "pollers": Part(500)})


def span(second: int) -> Span:
    """One second of it: figures that go up and down."""
    made = Span(second)
    made.seconds, made.phase, made.kinds = 1, PLAN.phase_at(second), dict(KINDS)
    made.users = sum(PLAN.users_at(second).values())
    made.open = PLAN.users_at(second)["market"]
    made.counters["market"]["messages"] = 2 * made.open
    made.counters["pollers"]["requests"] = made.users
    made.cpu = 0.97 if second // 60 % 10 == 9 else 0.3 + 0.1 * math.sin(second / 300)
    made.excluded = 8 if made.cpu > BUSY else 0
    made.lag = 0.002 + 0.001 * math.sin(second / 70)
    for key, middle in ((("market", "delivery"), 0.004), (("pollers", "response"), 0.02)):
        times = made.times[key] = Histogram()
        for n in range(20):
            times.record(middle * (1 + 0.5 * math.sin(second / 500)) * (1 + n / 10))
    return made


class MadeUp:
    """The run: a Source for the API."""

    def __init__(self, seconds: int, step: int) -> None:
        self.step = step
        self.history = History()
        self.summary = Summary("made-up")
        self.advance(seconds)

    def advance(self, seconds: int) -> None:
        """Let time go by."""
        for second in range(self.history.next, self.history.next + seconds):
            self.history.fold(span(second))

    def _moment(self) -> Moment:
        health = {"cpu": span(self.history.next).cpu, "lag_max": 0.002, "descriptors": 420.0}
        return Moment(
            run_id="made-up",
            profile="endurance",
            elapsed=self.history.next + 2.0,
            plan=PLAN,
            kinds=KINDS,
            thresholds=(parse("market delivery p99 < 100ms", KINDS),),
            workers=tuple(Seen(f"worker-{n}", "running", self.history.next, 100, health) for n in range(8)),
        )

    def status(self) -> Status:
        """As the API wants it."""
        return status_of(self._moment(), self.summary, self.history.recent())

    def timeline(self, since: int) -> Timeline:
        """As the API wants it; time goes by."""
        self.advance(self.step)
        return timeline_of(self._moment(), self.history, since)

    def metrics(self) -> str:
        """Nobody asks."""
        return ""


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log(self, *_: object, **__: object) -> None:
        """Nothing."""


def strict(response: Response) -> Response:
    """Let nothing in that is inline or from elsewhere."""
    response.headers["Content-Security-Policy"] = "default-src 'self'"
    return response


def main() -> None:
    """Serve until killed."""
    source = MadeUp(int(sys.argv[1]), int(sys.argv[2]))
    app = Flask("locust")
    app.after_request(strict)
    api.install(app, source, Path(), lambda view: view)
    live_page.install(app, lambda view: view)
    server = make_server("127.0.0.1", 0, app, request_handler=Quiet)
    print(f"listening on http://127.0.0.1:{server.port}", flush=True)  # noqa: T201 - how it is waited for
    server.serve_forever()


if __name__ == "__main__":
    main()
