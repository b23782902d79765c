"""monitor/status.py: a run as it is now, figures worked out by hand."""

import msgspec
import pytest
from jsonschema import Draft202012Validator
from monitored import measured, record, summed

from loadtest.monitor import History, Moment, Seen, Span, Status, Timeline, status_of, timeline_of
from loadtest.monitor.judging import margin
from loadtest.monitor.points import point_of
from loadtest.schedule import Part, Plan, Stage
from loadtest.slo import parse
from loadtest.verdict import RunVerdict

KINDS = {"market": "websocket", "pollers": "rest"}
PLAN = Plan.over_total([Stage.ramp(20, 10), Stage.hold(60)], {"market": Part(3), "pollers": Part(1)})
MOMENT = Moment(
    run_id="r1",
    profile="smoke",
    targets=("http://127.0.0.1:8000",),
    started_at="2026-01-02T03:04:05.000+00:00",
    elapsed=12.5,
    plan=PLAN,
    kinds=KINDS,
    thresholds=(parse("market delivery p99 < 20ms", KINDS), parse("errors < 1%", KINDS)),
    workers=(Seen("w1", "running", 10, 20, {"cpu": 0.5, "lag_max": 0.002, "descriptors": 40.0, "clock_error": 0.001}),),
)
SUMMARY = summed(
    record(
        0,
        measured("market", "delivery", [0.001 * n for n in range(1, 11)]),
        measured("market", "skew", [0.004]),
        measured("market", "freshness", [0.7]),
        measured("pollers", "response", [0.5], kind="rest", failures=1),
        counters={
            "market": {"connects": 15, "connected": 14, "connects_failed": 1, "closed_by_server": 2, "messages": 10},
            "pollers": {"requests": 2, "requests_failed": 1},
        },
        errors={"pollers": {"request: timeout": 1}, "market": {"connect: HTTP 403": 1}},
        gauges={"market": {"users": 15, "open": 12}, "pollers": {"users": 5}},
        health={"clock_error": 0.001},
        endings={"market": {"failed: connect: HTTP 403": 1, "closed by server: 1001": 2}},
    ),
    record(
        1,
        counters={"market": {"expected_deliveries": 40, "counted_deliveries": 39, "lost": 1}},
        gauges={"market": {"users": 15, "open": 12}, "pollers": {"users": 5}},
    ),
)
RECENT = Span.sum(Span.of(SUMMARY, n) for n in range(2))


def status() -> Status:
    return status_of(MOMENT, SUMMARY, RECENT)


def test_a_stream_is_described_by_its_recent_seconds_and_its_losses_by_the_run() -> None:
    (market,) = status().streams
    assert (market.group, market.open, market.target) == ("market", 12, 15)
    assert market.messages_per_s == 5  # 10 in two seconds
    assert (market.measure, market.times.samples) == ("delivery", 10)
    assert market.times.p50_ms == pytest.approx(5, rel=0.005)
    assert market.times.p99_ms == pytest.approx(10, rel=0.005)
    assert market.times.error_ms == 1
    assert market.skew_p95_ms == pytest.approx(4, rel=0.005)
    assert market.freshness_p95_ms == pytest.approx(700, rel=0.005)
    assert (market.completeness, market.lost, market.errors) == (39 / 40, 1, 1)


@pytest.mark.parametrize("measure", ["behind", "backlog"])
def test_a_slow_group_is_described_by_how_far_it_is_behind_and_the_streams_at_large_are_not(measure: str) -> None:
    kinds = {"market": "websocket", "laggards": "websocket"}
    gauges = {"laggards": {"users": 1, "open": 1, "unread": 9, "behind": 1}, "market": {"users": 1, "open": 1}}
    series = (measured("market", "delivery", [0.002]), measured("laggards", measure, [30.0]))
    summary = summed(record(0, *series, gauges=gauges, health={"clock_error": 0.001}))
    recent = Span.of(summary, 0)
    told = status_of(Moment(run_id="r1", kinds=kinds), summary, recent)
    laggards = next(its for its in told.streams if its.group == "laggards")
    assert laggards.measure == measure
    assert laggards.times.p50_ms == pytest.approx(30_000, rel=0.005)
    assert laggards.times.error_ms == (1 if measure == "behind" else 0)
    assert point_of(recent).stream_p99_ms == pytest.approx(2, rel=0.005)


def test_requests_are_described_likewise() -> None:
    (pollers,) = status().requests
    assert (pollers.group, pollers.target, pollers.requests_per_s) == ("pollers", 5, 1)
    assert (pollers.requests, pollers.failed, pollers.errors) == (2, 1, 1)
    assert pollers.times.p95_ms == pytest.approx(500, rel=0.005)


def test_the_stage_says_how_long_it_lasts() -> None:
    stage = status().stage
    assert (stage.phase, stage.elapsed_s, stage.duration_s) == ("plateau", 12.5, 70)
    assert (stage.left_s, stage.next_change_s) == (57.5, 70)


def test_a_worker_is_as_it_said_last() -> None:
    (worker,) = status().workers
    assert (worker.name, worker.state, worker.users, worker.cpu) == ("w1", "running", 20, 0.5)
    assert (worker.lag_ms, worker.descriptors, worker.clock_error_ms) == (2, 40, 1)
    assert worker.last_report_s == 2.5


def test_an_slo_has_its_margin_with_the_error_against_it() -> None:
    delivery, errors = status().slos
    assert (delivery.verdict, delivery.samples) == ("pass", 10)
    assert delivery.margin == pytest.approx((20 - 10 - 1) / 20, abs=0.001)
    assert (errors.verdict, errors.observed) == ("fail", 50)  # one of two requests
    assert errors.margin == -49  # 49 points over a limit of 1


@pytest.mark.parametrize(
    ("text", "observed", "expected"),
    [
        ("rest response p95 < 200ms", 150.0, 0.25),
        ("rest response p95 < 200ms", 250.0, -0.25),
        ("rest response p95 > 200ms", 250.0, 0.25),  # above is good
        ("rest response p95 < 200ms", None, None),  # nothing observed
        ("errors <= 0%", 0.0, None),  # no share of nothing
    ],
)
def test_a_margin_is_a_share_of_the_limit(text: str, observed: float | None, expected: float | None) -> None:
    assert margin(parse(text, KINDS), observed, 0.0) == expected


def test_the_ledger_and_the_errors_are_the_whole_runs() -> None:
    (market,) = status().ledger
    assert (market.attempted, market.established, market.failed, market.pending) == (15, 14, 1, 0)
    assert (market.open, market.closed_by_server) == (12, 2)
    assert [(error.group, error.name) for error in status().errors] == [
        ("market", "connect: HTTP 403"),
        ("pollers", "request: timeout"),
    ]


def test_the_causes_add_up_to_the_ledger() -> None:
    (market,), causes = status().ledger, {cause.name: cause.count for cause in status().causes}
    assert list(causes) == ["closed by server: 1001", "failed: connect: HTTP 403"]  # the most frequent first
    assert sum(causes.values()) == market.failed + market.closed_by_server


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "running"),
        ({"draining": True}, "stopping"),
        ({"verdict": RunVerdict("fail", "1 of 2 SLOs breached")}, "ended"),
        ({"run_id": ""}, "idle"),
    ],
)
def test_a_run_is_in_one_state(change: dict[str, object], state: str) -> None:
    changed = {name: getattr(MOMENT, name) for name in MOMENT.__slots__} | change
    assert status_of(Moment(**changed), SUMMARY, RECENT).state == state


def test_a_run_that_has_ended_has_no_users_and_a_verdict() -> None:
    ended = {name: getattr(MOMENT, name) for name in MOMENT.__slots__} | {"verdict": RunVerdict("fail", "because")}
    answer = status_of(Moment(**ended), SUMMARY, RECENT)
    assert answer.users.now == 0
    assert answer.ending is not None
    assert (answer.ending.verdict, answer.ending.why, answer.ending.exit_code) == ("fail", "because", 1)


def test_a_worker_that_is_not_heard_of_is_said_in_the_banner() -> None:
    lost = {name: getattr(MOMENT, name) for name in MOMENT.__slots__} | {"workers": (Seen("w1", "missing", 3, 20),)}
    health = status_of(Moment(**lost), SUMMARY, RECENT).health
    assert (health.ok, "w1" in health.banner) == (False, True)
    assert status().health.ok


def test_a_worker_over_a_limit_is_said_with_the_value_and_what_is_left_out() -> None:
    busy = {name: getattr(MOMENT, name) for name in MOMENT.__slots__} | {
        "workers": (Seen("w1", "running", 1, 20, {"cpu": 0.95, "lag_max": 0.002}),)
    }
    summary = summed(record(0, health={"cpu": 0.95}), record(1, health={"cpu": 0.95}), record(2, health={"cpu": 0.5}))
    shown = status_of(Moment(**busy), summary, RECENT)
    assert shown.workers[0].over == ["busy (95 %, limit 90 %)"]
    assert (shown.health.ok, shown.health.excluded_s) == (False, 2)
    assert shown.health.banner == "w1: busy (95 %, limit 90 %)"
    assert [Span.of(summary, n).excluded for n in range(3)] == [1, 1, 0]


def test_the_banner_names_a_few_workers_and_counts_the_others() -> None:
    many = tuple(Seen(f"w{n}", "missing", 1, 20) for n in range(200))
    lost = {name: getattr(MOMENT, name) for name in MOMENT.__slots__} | {"workers": many}
    banner = status_of(Moment(**lost), SUMMARY, RECENT).health.banner
    assert banner == "w0 is not heard of; w1 is not heard of; w2 is not heard of; and 197 more"


def test_answers_keep_to_their_schema() -> None:
    history = History()
    for second in range(2):
        history.fold(Span.of(SUMMARY, second))
    answers = [status(), status_of(Moment(), summed(), Span.sum([])), timeline_of(MOMENT, history, 0)]
    for answer in answers:
        schema = msgspec.json.schema(type(answer))
        Draft202012Validator(schema).validate(msgspec.json.decode(msgspec.json.encode(answer)))
    assert isinstance(answers[2], Timeline)
    assert all(len(point) == len(answers[2].columns) for point in answers[2].points)
