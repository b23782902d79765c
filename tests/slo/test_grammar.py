"""slo/: what a threshold's text means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.slo import COUNTS, MEASURES, Threshold, parse

GROUPS = {"subscribers": "websocket", "pollers": "rest"}


def read(text: str) -> Threshold:
    return parse(text, GROUPS)


# reading


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        # everything said
        (
            'pollers service "GET /api/market/snapshot" p99.9 <= 50ms',
            Threshold("pollers", "service", "GET /api/market/snapshot", "p99.9", "<=", 0.05, "ms"),
        ),
        # the measure left out: delivery for WebSockets, response for REST
        ("websocket p99 < 100ms", Threshold("websocket", "delivery", None, "p99", "<", 0.1, "ms")),
        ("subscribers p99 < 100ms", Threshold("subscribers", "delivery", None, "p99", "<", 0.1, "ms")),
        ("rest p95 < 200ms", Threshold("rest", "response", None, "p95", "<", 0.2, "ms")),
        # the scope left out: everywhere that has the measure
        ("ping max < 1s", Threshold(None, "ping", None, "max", "<", 1.0, "s")),
        ("connect mean < 1s", Threshold(None, "connect", None, "mean", "<", 1.0, "s")),
        # a path needs no quotes
        ("websocket gap /ws/market p50 > 400ms", Threshold("websocket", "gap", "/ws/market", "p50", ">", 0.4, "ms")),
        ("subscribers gap jitter < 20ms", Threshold("subscribers", "gap", None, "jitter", "<", 0.02, "ms")),
        # units
        ("rest p50 >= 300ns", Threshold("rest", "response", None, "p50", ">=", 3e-7, "ns")),
        ("rest p50 < 300us", Threshold("rest", "response", None, "p50", "<", 3e-4, "us")),
        ("rest p50 < 300µs", Threshold("rest", "response", None, "p50", "<", 3e-4, "µs")),
        ("rest p50 < 1.5 m", Threshold("rest", "response", None, "p50", "<", 90.0, "m")),
        # errors, everywhere and in a scope
        ("errors < 1%", Threshold(None, "errors", None, "ratio", "<", 0.01, "%")),
        ("errors <= 0.5 %", Threshold(None, "errors", None, "ratio", "<=", 0.005, "%")),
        ("pollers errors < 2%", Threshold("pollers", "errors", None, "ratio", "<", 0.02, "%")),
        # other shares, and what is counted
        ("completeness >= 99.9%", Threshold(None, "completeness", None, "ratio", ">=", 0.999, "%")),
        ("missed < 0.1%", Threshold(None, "missed", None, "ratio", "<", 0.001, "%")),
        ("subscribers lost <= 0", Threshold("subscribers", "lost", None, "count", "<=", 0.0, "")),
        ("duplicated < 1", Threshold(None, "duplicated", None, "count", "<", 1.0, "")),
        ("websocket reordered < 10", Threshold("websocket", "reordered", None, "count", "<", 10.0, "")),
        # a rate is that of the plateau, unless told otherwise
        ("rate > 950/s", Threshold(None, "rate", None, "rate", ">", 950.0, "/s")),
        ("rest rate > 950 /s during all", Threshold("rest", "rate", None, "rate", ">", 950.0, "/s", during="all")),
        # of all brokers' broadcasts
        ("skew p95 < 30ms", Threshold(None, "skew", None, "p95", "<", 0.03, "ms")),
        # of those that were cut, those that never came back included
        ("reconnected 95% < 5s", Threshold(None, "reconnected", None, "p95", "<", 5.0, "s")),
        ("subscribers reconnected 99.5% < 1m", Threshold("subscribers", "reconnected", None, "p99.5", "<", 60.0, "m")),
        # clauses, in any order
        ("rest p95 < 200ms for 10s", Threshold("rest", "response", None, "p95", "<", 0.2, "ms", 10)),
        (
            "errors < 1% during ramp warn",
            Threshold(None, "errors", None, "ratio", "<", 0.01, "%", None, "ramp", "warn"),
        ),
        (
            "errors < 50% abort after 10s for 5s during plateau",
            Threshold(None, "errors", None, "ratio", "<", 0.5, "%", 5, "plateau", "abort", 10),
        ),
        ("errors < 50% abort", Threshold(None, "errors", None, "ratio", "<", 0.5, "%", action="abort")),
        ("errors < 50% for 1m", Threshold(None, "errors", None, "ratio", "<", 0.5, "%", 60)),
        # space where nobody needs it, and none where others want it
        ("  rest   p95<200ms ", Threshold("rest", "response", None, "p95", "<", 0.2, "ms")),
    ],
)
def test_a_text_says_what_must_hold(text: str, threshold: Threshold) -> None:
    found = read(text)
    assert found.limit == pytest.approx(threshold.limit, rel=1e-12)
    assert [found.scope, found.measure, found.name] == [threshold.scope, threshold.measure, threshold.name]
    assert [found.aggregate, found.op, found.unit] == [threshold.aggregate, threshold.op, threshold.unit]


@pytest.mark.parametrize(
    ("kind", "canonical"),
    [("websocket", "websocket delivery p99 < 1s"), ("rest", "rest response p99 < 1s")],
)
def test_with_one_kind_of_group_not_even_the_scope_must_be_said(kind: str, canonical: str) -> None:
    assert str(parse("p99 < 1s", {"only": kind})) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("rest p95<0200.50ms", "rest response p95 < 200.5ms"),
        ("subscribers ping /ws/market p50 < 3us", 'subscribers ping "/ws/market" p50 < 3us'),
        ("rest errors <= 1.0 %", "rest errors <= 1%"),
        ("rate>950/s", "rate > 950/s"),
        ("rate>950/s during plateau for 2m", "rate > 950/s for 120s during plateau"),
        ("lost <= 0", "lost <= 0"),
        ("reconnected  95%  <5s", "reconnected 95% < 5s"),
        ("errors < 1% warn during all for 10s", "errors < 1% for 10s warn"),
        ("errors < 1% abort", "errors < 1% abort"),
        ("errors < 1% during ramp abort after 1m", "errors < 1% during ramp abort after 60s"),
        ("rest p95 < 0.000050ms", "rest response p95 < 0.00005ms"),  # no exponents: the grammar has none
        ("rest p95 < 123456789ns", "rest response p95 < 123456789ns"),
    ],
)
def test_a_threshold_prints_its_canonical_text(text: str, canonical: str) -> None:
    threshold = read(text)
    assert str(threshold) == threshold.text == canonical


CLAUSES = st.tuples(
    st.sampled_from(["", "for 1s", "for 90s"]),
    st.sampled_from(["", "during ramp", "during plateau", "during all"]),
    st.sampled_from(["", "warn", "abort", "abort after 10s"]),
).flatmap(st.permutations)


@given(
    scope=st.sampled_from(["", "websocket", "subscribers"]),
    subject=st.sampled_from(
        [f"{word} < 1.5%" for word in ("errors", "completeness")]
        + [f"{word} <= 2" for word in COUNTS]
        + ["rate > 0.5/s", "reconnected 99.9% < 2m", "skew p50 < 1us"]
    ),
    clauses=CLAUSES,
)
def test_the_canonical_text_of_any_subject_and_clauses_reads_as_the_same(
    scope: str, subject: str, clauses: list[str]
) -> None:
    threshold = read(f"{scope} {subject} {' '.join(clauses)}")
    assert read(str(threshold)) == threshold
    assert len(str(threshold)) <= len(f"{scope} {subject} {' '.join(clauses)}") + 2  # 90s for 1m30s, never a default


SCOPES = st.sampled_from([None, *GROUPS, *MEASURES])
NAMES = st.none() | st.text(st.characters(exclude_characters='"', exclude_categories=["C", "Z"]) | st.just(" "))
LIMITS = st.decimals(0, 999_999_999, places=6).map(lambda number: f"{number.normalize():f}")


@given(
    scope=SCOPES,
    measure=st.sampled_from(sorted({measure for measures in MEASURES.values() for measure in measures})),
    name=NAMES,
    aggregate=st.sampled_from(["p0", "p50", "p99", "p99.99", "p100", "mean", "max"]),
    op=st.sampled_from(["<", "<=", ">", ">="]),
    limit=LIMITS,
    unit=st.sampled_from(["ns", "us", "µs", "ms", "s", "m"]),
)
def test_the_canonical_text_reads_as_the_same_threshold(
    *, scope: str | None, measure: str, name: str | None, aggregate: str, op: str, limit: str, unit: str
) -> None:
    quoted = "" if name is None else f'"{name}" '
    text = f"{scope or ''} {measure} {quoted}{aggregate} {op} {limit}{unit}"
    kind = GROUPS.get(scope or "", scope)
    if kind is not None and measure not in MEASURES[kind]:
        with pytest.raises(ValueError, match=f"{kind} has no '{measure}'"):
            read(text)
    else:
        assert read(str(read(text))) == read(text)


# refusing


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no comparison"),
        ("rest p95 200ms", "has no comparison"),
        ("rest p95 = 200ms", "has no comparison"),
        ("< 5ms", "has no aggregate"),
        ("rest response < 5ms", "has no aggregate"),
        ("rest median < 5ms", "'median'"),
        ("rest p101 < 5ms", "'p101' is no aggregate: use pNN"),
        ("errors p99 < 5ms", "errors has no 'p99': write it like `errors < 1%`, with a group before it or nothing"),
        ("subscriber < 1%", "'subscriber' is not known"),  # not that 1% is no time
        ('rest service "GET /x p99 < 5ms', "has a quote without its other half"),
        ('rest service GET /x" p99 < 5ms', "has a quote without its other half"),
        ("rest p95 < 9999999999s", "must be a time such as 200ms"),  # 300 years
        ("rest p95 < ٣ms", "must be a time such as 200ms"),  # a digit, but not one of ours
        ("rest p95 <", "the limit '' must be a time such as 200ms"),
        ("rest p95 < fast", "the limit 'fast' must be a time such as 200ms"),
        ("rest p95 < -5ms", "the limit '-5ms' must be a time such as 200ms"),
        ("rest p95 < 200", r"needs a unit \(ns, us, µs, ms, s, m\): a time such as 200ms"),
        ("rest p95 < 5h", "needs a unit"),
        ("rest p95 < 1%", "needs a unit .*: a time such as 200ms"),
        ("errors < 100ms", r"needs a unit \(%\): a share such as 1%"),
        ("errors < 1", "a share such as 1%"),
        ("rest p95 < 5ms or so", "the limit '5ms or so' must be a time"),
        # the scope contradicts the measure
        ("rest delivery p99 < 5ms", "rest has no 'delivery'; it has response, service, connect"),
        ("pollers gap p99 < 5ms", "rest has no 'gap'"),
        (
            "subscribers delivery jitter < 5ms",
            "delivery has no jitter, a gap has one: write it like `gap jitter < 20ms`",
        ),
        ("rest jitter < 5ms", "response has no jitter"),
        ("subscribers service p99 < 5ms", "websocket has no 'service'; it has delivery, connect, gap, ping"),
        # whose?
        ("p99 < 5ms", "say whose figure is meant: begin with websocket, rest, or the name of a group"),
        # misspelt
        ("subscriber p99 < 5ms", "'subscriber' is not known: did you mean 'subscribers'"),
        ("websocket delivry p99 < 5ms", "'delivry' is not known: did you mean 'delivery'"),
        ("webscoket delivery p99 < 5ms", "'webscoket' is not known: did you mean 'websocket'"),
        ("nobody p99 < 5ms", r"'nobody' is neither a group \(subscribers, pollers\) nor a measure \(delivery, connect"),
        (
            'rest service "GET /x" mean max < 5ms',
            "'mean' is one word too many: a name with spaces is written in quotes",
        ),
        # words that take no aggregate, name or group of the other kind
        ("completeness p99 < 5%", "completeness has no 'p99': write it like `completeness < 1%`"),
        ("rate mean > 5/s", "rate has no 'mean': write it like `rate > 950/s`"),
        ("lost max < 5", "lost has no 'max': write it like `lost <= 0`"),
        ("rest completeness >= 99%", "rest has no 'completeness'; it is judged of websocket"),
        ("subscribers missed < 1%", "websocket has no 'missed'; it is judged of rest"),
        ("rest lost <= 0", "rest has no 'lost'"),
        ("pollers skew p95 < 5ms", "rest has no 'skew'"),
        ("completeness > 0.99", r"needs a unit \(%\): a share such as 1%"),
        ("rate > 950", r"needs a unit \(/s\): a rate such as 950/s"),
        ("rate > 950/m", "needs a unit"),
        ("lost < 1%", "has no unit: a number such as 10"),
        ("reconnected p95 < 5s", "write it like `reconnected 95% < 5s`"),
        ("reconnected < 5s", "write it like `reconnected 95% < 5s`"),
        ("reconnected 101% < 5s", "write it like `reconnected 95% < 5s`"),
        ("reconnected 95% < 5%", "a time such as 5s"),
        ("rest reconnected 95% < 5s", "rest has no 'reconnected'"),
        # clauses
        ("warn rest p95 < 200ms", "'warn' comes after the limit"),
        ("abort errors < 50%", "'abort' comes after the limit: write it like `errors < 1% abort …`"),
        ("rest p95 < for 10s", "the limit '' must be a time"),
        ("errors < 1% for", "for takes whole seconds, such as `for 10s`"),
        ("errors < 1% for 0s", "for takes whole seconds"),
        ("errors < 1% for 1.5s", "for takes whole seconds"),
        ("errors < 1% for 100ms", "for takes whole seconds"),
        ("errors < 1% for 10", "the limit '10' needs a unit"),
        ("errors < 1% for 9999m", "for takes whole seconds"),
        ("errors < 1% abort after", "abort after takes whole seconds, such as `abort after 10s`"),
        ("errors < 1% after 10s", "the limit '1% after 10s' must be a share"),
        ("errors < 1% during", "during what\\? It is one of ramp, plateau, all"),
        ("errors < 1% during lunch", "during what\\? It is one of ramp, plateau, all"),
        (
            "errors < 1% warn abort",
            "'abort' is one too many: .* an SLO either warns or aborts",
        ),
        ("errors < 1% for 10s for 5s", "'for' is one too many"),
        ("errors < 1% warn please", "'please' is not known here: after the limit come for, during, warn, abort"),
        ("completenes >= 99%", "did you mean 'completeness'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence_on_what_can(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(text)


@given(st.text(st.sampled_from("restp95<>= \"%ms1.'/µ\x00") | st.characters(), max_size=30))
def test_any_text_is_a_threshold_or_refused(text: str) -> None:
    try:
        read(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - most texts raise; those that don't are fine too
