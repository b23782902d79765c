"""profiles/slo_checks.py: an SLO must be about something that the profile measures."""

import pytest
from test_checks import PLAIN_LOAD, POLL, STREAM, problems

from loadtest.errors import ProfileError
from loadtest.profiles import Overrides, load

MIXED = {
    "stream": f"{STREAM}, send_time: {{field: t}}, sequence: seq, silence: 5s, freshness: {{field: t}}",
    "quiet": f"{STREAM}, session: {{reconnect: false}}",
    "pollers": POLL,
}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("errors < 1%", None),
        ("pollers errors < 1%", None),
        ("websocket delivery p99 < 1s", None),  # one of its groups has a send time
        ("quiet ping p99 < 1s", None),
        ("rest connect p99 < 1s", None),
        ('stream connect "/ws" p99 < 1s', None),  # WebSockets go by their path, without its query
        ('rest response "GET /x" p99 < 1s', None),
        (
            "quiet delivery p99 < 1s",
            "quiet has no send_time, so delivery can't be timed: give it, or judge gap or ping",
        ),
        ("quiet p99 < 1s", "quiet has no send_time, so delivery can't be timed: give it, or judge gap or ping"),
        ("stream freshness p95 < 2s", None),
        ("quiet freshness p95 < 2s", "quiet has no freshness, so how old its data is can't be told: give it"),
        ("stream gap max < 9m", None),
        ("stream gap max < 10m", "times over 10 minutes are counted as 10 minutes, so the limit must be less"),
        ("completeness >= 99%", None),
        ("skew p95 < 30ms", None),
        ("stream lost <= 0", None),
        ("lost <= 0", None),  # one of the groups has sequence numbers
        ("quiet lost <= 0", "quiet has no sequence, so what is lost can't be told: give it"),
        ("quiet reordered <= 0", "quiet has no sequence, so what is reordered can't be told: give it"),
        ("quiet duplicated <= 0", "quiet has no sequence, so what is duplicated can't be told: give it"),
        ("stream silences < 1", None),
        ("quiet silences < 1", "quiet has no silence, so nothing says when silence is too long: give it"),
        ("reconnected 95% < 5s", None),
        ("quiet reconnect p99 < 5s", "quiet has no session.reconnect, so nobody comes back: give it"),
        ("quiet reconnected 95% < 5s", "quiet has no session.reconnect, so nobody comes back: give it"),
        ("rate > 950/s", None),
        ("pollers missed < 1%", "pollers has no pace with a rate, so nothing is ever missed: judge response or errors"),
        ('pollers "GET /y" p99 < 1s', 'nothing is called "GET /y"; did you mean GET /x?'),
        ('stream gap "GET /x" p99 < 1s', 'nothing is called "GET /x"; there are /ws'),
    ],
)
def test_an_slo_must_be_about_something_that_the_profile_measures(text: str, told: str | None) -> None:
    assert problems(MIXED, slo=f"['{text}']") == ([] if told is None else [f"p:4: slo.0: {told}"])


SLOW = {
    "stream": MIXED["stream"],
    "laggards": f"{STREAM}, send_time: {{field: t}}, sequence: seq, read: {{rate: 1/s}}",
    "untimed": f"{STREAM}, read: {{rate: 1/s}}",
}
UNNAMED = "reads slowly (`read`), and only an SLO that names such a group judges it: name it"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("websocket delivery p99 < 1s", None),  # it is the other group's
        ("laggards behind p99 < 60s", None),
        ("websocket behind p99 < 60s", None),
        ("behind p99 < 60s", None),
        ("untimed backlog p99 < 60s", None),
        ("laggards lost < 100", None),
        ("laggards errors < 5%", None),
        ("laggards connect p99 < 1s", None),
        ("laggards delivery p99 < 1s", "laggards reads slowly (`read`), so it has no delivery: judge behind"),
        ("laggards p99 < 1s", "laggards reads slowly (`read`), so it has no delivery: judge behind"),
        ("laggards ping p99 < 1s", "laggards reads slowly (`read`), so it has no ping: judge backlog"),
        ("laggards completeness > 9%", "laggards reads slowly (`read`), so it has no completeness: judge lost"),
        ("stream behind p99 < 1s", "only a group with `read` has behind: judge delivery, gap or ping"),
        (
            "untimed behind p99 < 1s",
            "untimed has no send_time, so nobody knows how old a message is: give it, or judge backlog",
        ),
    ],
)
def test_who_reads_slowly_is_judged_by_name_and_by_measures_of_its_own(text: str, told: str | None) -> None:
    assert problems(SLOW, slo=f"['{text}']") == ([] if told is None else [f"p:4: slo.0: {told}"])


@pytest.mark.parametrize("text", ["websocket delivery p99 < 1s", "errors < 1%", "lost <= 0", "rate > 5/s"])
def test_an_slo_that_names_no_group_is_about_none_that_reads_slowly(text: str) -> None:
    told = [f"p:4: slo.0: laggards {UNNAMED}"]
    assert problems({"laggards": SLOW["laggards"]}, slo=f"['{text}']") == told
    rest = [] if text[:4] in ("erro", "rate") else told
    assert problems({"laggards": SLOW["laggards"], "pollers": POLL}, slo=f"['{text}']") == rest


def test_how_old_messages_are_needs_the_targets_clock() -> None:
    told = "p:4: slo.0: target.clock is left out, so behind can't be timed: give it, or judge backlog"
    assert problems(SLOW, slo="[behind p99 < 1s]", target="url: demo") == [told]


def test_delivery_needs_the_targets_clock() -> None:
    told = "p:4: slo.0: target.clock is left out, so delivery can't be timed: give it, or judge gap or ping"
    assert problems(MIXED, slo="[websocket delivery p99 < 1s]", target="url: demo") == [told]


def test_freshness_needs_the_targets_clock() -> None:
    told = "p:4: slo.0: target.clock is left out, so freshness can't be told: give it, or judge gap or ping"
    assert problems(MIXED, slo="[websocket freshness p95 < 1s]", target="url: demo") == [told]


def test_an_slo_on_a_kind_of_group_that_is_not_there_is_refused() -> None:
    assert problems({"a": POLL}, slo="[websocket gap p99 < 1s]") == [
        "p:4: slo.0: the profile has no group with websocket"
    ]
    assert problems({"a": POLL}, slo="[gap p99 < 1s]") == ["p:4: slo.0: the profile has no group with gap"]


@pytest.mark.parametrize(
    ("text", "stages", "told"),
    [
        ("errors < 1% for 60s during plateau", PLAIN_LOAD, None),
        (
            "errors < 1% for 61s during plateau",
            PLAIN_LOAD,
            "the load's plateau never lasts 61s on end: it has 60s at most",
        ),
        ("errors < 1% for 61s", PLAIN_LOAD, None),  # ramp and plateau together
        ("errors < 1% for 62s", PLAIN_LOAD, "the load never lasts 62s on end: it has 61s at most"),
        ("errors < 1% during ramp", PLAIN_LOAD, None),
        ("errors < 1% during ramp", "[{step: 5}, {hold: 9s}]", "the load has no ramp: leave `during` out"),
        (
            "rate > 5/s during plateau",
            "[{ramp: 9, over: 5s}, {ramp: 0, over: 5s}]",
            "the load has no plateau: add `during all`, or a hold to the load",
        ),
        ("rate > 5/s", "[{ramp: 9, over: 5s}, {ramp: 0, over: 5s}]", None),  # without a plateau, all is judged
        ("rate > 5/s during all", "[{ramp: 9, over: 5s}, {ramp: 0, over: 5s}]", None),
        # two plateaus that touch are one, two with a ramp between them are not
        ("errors < 1% for 20s during plateau", "[{step: 5}, {hold: 10s}, {hold: 10s}]", None),
        (
            "errors < 1% for 20s during plateau",
            "[{step: 5}, {hold: 10s}, {ramp: 9, over: 1s}, {hold: 12s}]",
            "the load's plateau never lasts 20s on end: it has 12s at most",
        ),
    ],
)
def test_the_load_must_have_the_phase_for_long_enough(text: str, stages: str, told: str | None) -> None:
    assert problems(MIXED, stages, f"['{text}']") == ([] if told is None else [f"p:4: slo.0: {told}"])


def test_a_run_that_is_made_shorter_on_the_command_line_is_checked_as_it_will_run() -> None:
    text = f"name: x\ntarget: {{url: demo}}\nload: {PLAIN_LOAD}\nslo: [errors < 1% for 30s]\nusers: {{a: {{{POLL}}}}}"
    load(text, path="p")
    with pytest.raises(ProfileError, match="never lasts 30s on end: it has 10s at most"):
        load(text, path="p", overrides=Overrides(duration=10.0))
