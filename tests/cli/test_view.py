"""cli/view.py: what the terminal shows of a status."""

from io import StringIO

import msgspec
from rich.console import Console

from loadtest.cli.view import WORKERS, View, drawn
from loadtest.monitor import STATUS_MARK, Moment, Seen, Span, Status, status_of
from loadtest.results import Summary
from loadtest.schedule import Part, Plan, Stage
from loadtest.slo import parse

KINDS = {"market": "websocket", "pollers": "rest"}


def status(workers: int = 1, state: str = "running") -> Status:
    plan = Plan.over_total([Stage.ramp(20, 10), Stage.hold(60)], {"market": Part(15), "pollers": Part(5)})
    moment = Moment(
        run_id="r1",
        profile="smoke",
        elapsed=12.0,
        plan=plan,
        kinds=KINDS,
        thresholds=(parse("errors < 1%", KINDS),),
        workers=tuple(Seen(f"w{n}", state, 10, 20, {"cpu": 0.5, "lag_max": 0.0021}) for n in range(workers)),
    )
    return status_of(moment, Summary("r1"), Span.sum([]))


def printed(shown: Status, width: int = 100) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(drawn(shown))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_one_screen_says_where_the_run_is() -> None:
    text = printed(status())
    assert "smoke  plateau  12s of 1m10s, 58s left of this stage  20 of 20 users" in text
    assert "load generator: ok" in text
    assert any(
        line.split() == ["w0", "running", "20", "50%", "2.1", "–", "2", "s", "ago"] for line in text.splitlines()
    )
    assert any(line.split() == ["errors", "<", "1%", "no-data", "no", "samples", "–"] for line in text.splitlines())


def test_a_worker_that_is_missing_is_said() -> None:
    assert "load generator: w0 is not heard of" in printed(status(state="missing"))


def test_many_workers_are_counted() -> None:
    assert "… and 88 more" in printed(status(workers=WORKERS + 88))


def test_no_line_is_wider_than_the_terminal() -> None:
    assert max(map(len, printed(status(), width=60).splitlines())) <= 60


def test_only_lines_with_the_mark_are_drawn() -> None:
    stream = StringIO()
    view = View(stream)
    assert not view.take("a line for people")
    assert stream.getvalue() == ""
    assert view.take(STATUS_MARK + msgspec.json.encode(status()).decode())
    view.pause()
    assert view.take(STATUS_MARK + '{"schema": 1, "run')  # the master was killed while it wrote
