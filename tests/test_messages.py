"""messages.py: each distinct payload looked at once, and nothing a server sends gets out of hand."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest import messages
from loadtest.messages import Inspected, Inspector, Kind
from loadtest.profiles import WebSocketGroup

DATA = Inspected(Kind.DATA)
NOT_DATA = Inspected(Kind.NOT_DATA)


def inspector(**group: Any) -> Inspector:
    return Inspector(WebSocketGroup.model_validate({"websocket": "/ws", **group}))


def see(group: Inspector, payload: bytes, *, text: bool = True) -> Inspected:
    return group.inspect(payload, text)


def bad(name: str) -> Inspected:
    return Inspected(Kind.BAD, error=name)


MARKET: dict[str, Any] = {
    "expect": {"keys": ["quotes", "prices"]},
    "not_data": [{"binary": True}, {"keys": ["type"]}],
    "send_time": {"field": "server_time", "unit": "s"},
    "sequence": "seq",
}


# the market channel of the sample profiles


@pytest.mark.parametrize(
    ("payload", "text", "inspected"),
    [
        (b'{"quotes": {}, "prices": {}, "server_time": 12.5, "seq": 7}', True, Inspected(Kind.DATA, 12.5, 7)),
        (b'{"seq": 7, "prices": [{"a": "}"}], "quotes": null}', True, Inspected(Kind.DATA, None, 7)),  # any order
        (b'{"quotes": {}, "prices": {}}', True, DATA),  # neither send time nor number: fine
        (b'{"quotes": {}, "prices": {}, "server_time": null, "seq": null}', True, DATA),  # null: not there
        (b"ping", False, NOT_DATA),  # the heartbeat
        (b"\xff\xfe", False, NOT_DATA),  # a binary message needn't be UTF-8
        (b'{"type": "status", "connected": true}', True, NOT_DATA),  # not checked by expect
        (b'{"type": 1, "seq": "x"}', True, NOT_DATA),  # nor anything else in it
        (b'{"quotes": {"type": 1}, "prices": {}}', True, DATA),  # only top-level keys are matched
        (b'{"quotes": {}}', True, bad("message: key missing: prices")),
        (b"{}", True, bad("message: key missing: quotes")),  # the first of them, in the profile's order
        (b'{"x": {"quotes": 1, "prices": 2}}', True, bad("message: key missing: quotes")),
        (b"[]", True, bad("message: not a JSON object")),
        (b'"quotes prices"', True, bad("message: not a JSON object")),
        (b"null", True, bad("message: not a JSON object")),
        (b"", True, bad("message: not JSON")),
        (b"ping", True, bad("message: not JSON")),  # a heartbeat, but as text
        (b'{"quotes": {}, "prices": {}', True, bad("message: not JSON")),  # cut short
        (b'{"quotes": {}, "prices": {}}{', True, bad("message: not JSON")),
        (b'{"quotes": NaN, "prices": {}}', True, bad("message: not JSON")),  # RFC 8259, 6
        (b'{"quotes": {}, "prices": {}, "server_time": Infinity}', True, bad("message: not JSON")),
        (b'\xef\xbb\xbf{"quotes": {}, "prices": {}}', True, bad("message: not JSON")),  # RFC 8259, 8.1: no BOM
        (b'{"quotes": "\xff", "prices": {}}', True, bad("message: invalid UTF-8")),
        (b'{"quotes": "\xed\xa0\x80", "prices": {}}', True, bad("message: invalid UTF-8")),  # a surrogate
        (b'{"quotes": "Vi\xe1\xbb\x87t Nam", "prices": {}}', True, DATA),
        (b'{"quotes": "\\ud800", "prices": {}}', True, bad("message: not JSON")),  # half a pair stands for nothing
    ],
)
def test_a_message_is_data_or_not_or_bad_for_a_reason(*, payload: bytes, text: bool, inspected: Inspected) -> None:
    market = inspector(**MARKET)
    assert see(market, payload, text=text) == inspected
    assert see(market, bytes(bytearray(payload)), text=text) == inspected  # seen before: the same


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"hello", True),  # a text that is no JSON
        (b"[1]", True),
        (b"\xff", False),
    ],
)
def test_where_nothing_is_expected_anything_is_data(*, payload: bytes, text: bool) -> None:
    assert see(inspector(), payload, text=text) == DATA
    assert see(inspector(sequence="seq"), payload, text=text) == DATA  # without a number


def test_a_text_that_is_not_utf8_is_bad_even_where_nothing_is_expected() -> None:
    assert see(inspector(), b"\xff") == bad("message: invalid UTF-8")


def test_binary_messages_are_data_unless_the_profile_says_otherwise() -> None:
    assert see(inspector(expect={"keys": ["a"]}), b'{"a": 1}', text=False) == DATA
    assert see(inspector(expect={"keys": ["a"]}), b"ping", text=False) == bad("message: not JSON")


def test_a_matcher_needs_all_of_its_keys() -> None:
    group = inspector(not_data=[{"keys": ["type", "connected"]}, {"keys": ["hello"]}])
    assert see(group, b'{"type": 1}') == DATA
    assert see(group, b'{"type": 1, "connected": 2, "more": 3}') == NOT_DATA
    assert see(group, b'{"hello": 1}') == NOT_DATA


@pytest.mark.parametrize("key", ['say "hi"', "back\\slash", "line\nbreak", "Giá", "a.b", "0", "f0", "", "class", "_x"])
def test_a_key_may_be_any_text(key: str) -> None:
    group = inspector(expect={"keys": [key]}, sequence="seq")
    assert see(group, json.dumps({key: 1, "seq": 3}).encode()) == Inspected(Kind.DATA, None, 3)
    assert see(group, json.dumps({"x" + key: 1}).encode()) == bad(f"message: key missing: {key}")


def test_a_key_counts_however_it_is_escaped() -> None:
    assert see(inspector(expect={"keys": ["ab"]}), rb'{"\u0061b": 1}') == DATA


# send times


@pytest.mark.parametrize(
    ("unit", "value", "seconds"),
    [
        ("s", "1763866217.25", 1763866217.25),
        ("s", "1763866217", 1763866217.0),
        ("ms", "1763866217250", 1763866217.25),
        ("us", "1763866217250000", 1763866217.25),
        ("ns", "1763866217250000000", 1763866217.25),
        ("s", "0", 0.0),  # it isn't taken for missing
        ("iso", '"2025-11-23T02:50:17.250Z"', 1763866217.25),
        ("iso", '"2025-11-23T09:50:17.25+07:00"', 1763866217.25),
        ("iso", '"20251123T025017Z"', 1763866217.0),
    ],
)
def test_a_send_time_is_in_seconds_since_1970_whatever_its_unit(unit: str, value: str, seconds: float) -> None:
    group = inspector(send_time={"field": "t", "unit": unit})
    seen = see(group, f'{{"t": {value}}}'.encode())
    assert seen.kind is Kind.DATA
    assert seen.send_time == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        ("s", '"1763866217"'),  # a number as text
        ("s", "true"),
        ("s", "{}"),
        ("s", "[1]"),
        ("s", "1e999"),  # no float holds it
        ("s", "-1e999"),
        ("s", "9" * 5000),
        ("ns", "9" * 400),
        ("iso", "1763866217"),
        ("iso", '"yesterday"'),
        ("iso", '""'),
        ("iso", '"2025-11-23T02:50:17"'),  # whose midnight?
        ("iso", '"2025-11-23T25:00:00Z"'),
        ("iso", '"\\u0000"'),
    ],
)
def test_a_send_time_of_the_wrong_kind_makes_the_message_bad(unit: str, value: str) -> None:
    group = inspector(send_time={"field": "t", "unit": unit})
    assert see(group, f'{{"t": {value}}}'.encode()) == bad("message: bad send time")


# sequence numbers


@pytest.mark.parametrize(
    ("value", "sequence"),
    [("7", 7), ("0", 0), ("-3", -3), (str(2**63 - 1), 2**63 - 1)],
)
def test_a_sequence_number_is_a_whole_number(value: str, sequence: int) -> None:
    assert see(inspector(sequence="s"), f'{{"s": {value}}}'.encode()).sequence == sequence


@pytest.mark.parametrize("value", ["1.5", "1.0", "true", '"7"', "[]", "{}", str(2**63), "9" * 5000])
def test_a_sequence_number_of_another_kind_makes_the_message_bad(value: str) -> None:
    assert see(inspector(sequence="s"), f'{{"s": {value}}}'.encode()) == bad("message: bad sequence")


# fields inside objects


@pytest.mark.parametrize(
    ("payload", "send_time", "sequence"),
    [
        ('{"meta": {"at": {"t": 2.5}, "n": 4}}', 2.5, 4),
        ('{"meta": {"x": [{"at": 1}], "n": 4, "at": {"u": 1, "t": 2.5}}}', 2.5, 4),  # beside other things
        ('{"meta": {"n": 4}}', None, 4),  # an object on the way isn't there
        ('{"meta": {"at": 5, "n": 4}}', None, 4),  # nor is one where something else stands
        ('{"meta": {"at": null}}', None, None),
        ('{"meta": [1]}', None, None),
        ('{"at": {"t": 2.5}, "n": 4}', None, None),
    ],
)
def test_dots_lead_into_objects(payload: str, send_time: float | None, sequence: int | None) -> None:
    group = inspector(send_time={"field": "meta.at.t"}, sequence="meta.n")
    assert see(group, payload.encode()) == Inspected(Kind.DATA, send_time, sequence)


def test_a_wrong_value_inside_an_object_makes_the_message_bad() -> None:
    group = inspector(send_time={"field": "meta.t"}, sequence="meta.n")
    assert see(group, b'{"meta": {"t": "x"}}') == bad("message: bad send time")
    assert see(group, b'{"meta": {"n": "x"}}') == bad("message: bad sequence")


# how old the data is

FRESH = {"freshness": {"field": "quotes.*.at", "pick": "max"}}


@pytest.mark.parametrize(
    ("payload", "seen"),
    [
        ('{"quotes": {"a": {"at": 3}, "b": {"at": 5}}}', Inspected(Kind.DATA, data_time=5.0)),
        ('{"quotes": [{"at": "1970-01-01T00:00:09Z"}, {"at": 5}]}', Inspected(Kind.DATA, data_time=9.0)),
        ('{"quotes": {"a": {}}}', DATA),  # no time: counted as undated, and fine
        ('{"quotes": 5}', DATA),
        ("{}", DATA),
        ("[]", DATA),  # nothing is expected of it
        ("hello", DATA),
        ('{"quotes": {"a": {"at": "now"}}}', bad("message: bad freshness time")),
        ('{"quotes": {"a": {"at": 3}, "b": {"at": true}}}', bad("message: bad freshness time")),
        ('{"quotes": {"a": {"at": 1e999}}}', bad("message: bad freshness time")),
    ],
)
def test_the_newest_time_of_the_data_is_found(payload: str, seen: Inspected) -> None:
    assert see(inspector(**FRESH), payload.encode()) == seen


def test_the_oldest_time_is_found_and_stands_beside_the_send_time() -> None:
    group = inspector(**MARKET, freshness={"field": "quotes.*.at", "pick": "min", "unit": "ms"})
    payload = b'{"quotes": {"a": {"at": 3000}, "b": {"at": 2500}}, "prices": 1, "server_time": 4, "seq": 1}'
    assert see(group, payload) == Inspected(Kind.DATA, 4.0, 1, 2.5)
    assert see(group, b'{"type": 1, "quotes": {"a": {"at": "x"}}}') == NOT_DATA
    assert see(group, b'{"quotes": {"a": {"at": "x"}}}') == bad("message: key missing: prices")


def test_a_message_that_is_an_array_has_times_as_well() -> None:
    group = inspector(freshness={"field": "*.at"})
    assert see(group, b'[{"at": 3}, {"at": 7}]') == Inspected(Kind.DATA, data_time=7.0)
    assert see(group, b'[{"at": 3}, {"at": "x"}]') == bad("message: bad freshness time")
    assert see(inspector(freshness={"field": "*.at"}, expect={"keys": ["k"]}), b'[{"at": 3}]') == bad(
        "message: not a JSON object"
    )


def test_the_time_of_a_payload_that_is_known_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    group = inspector(**FRESH)
    first = see(group, b'{"quotes": {"a": {"at": 3}}}')
    monkeypatch.setattr(group, "_look", None)
    assert see(group, b'{"quotes": {"a": {"at": 3}}}') is first


# absurd JSON


@pytest.mark.parametrize(
    "template",
    [
        b'{"quotes": %s, "prices": 1}',  # where nobody looks inside
        b'{"quotes": 1, "prices": 1, "server_time": %s}',
        b'{"quotes": 1, "prices": 1, "meta": {"x": %s}}',
        b"%s",
    ],
)
def test_nesting_of_any_depth_is_survived(template: bytes) -> None:
    # every depth around the one where Python's stack ends, which another part of the inspection may reach first
    depths = [*range(sys.getrecursionlimit() - 150, sys.getrecursionlimit() + 20), 100_000]
    seen = {
        see(group, template % (b"[" * depth + b"]" * depth)).kind
        for group in (
            inspector(**MARKET),
            inspector(**MARKET | {"sequence": "meta.n"}),
            inspector(**MARKET | {"freshness": {"field": "meta.*.t"}}),
        )
        for depth in depths
    }
    assert seen <= {Kind.DATA, Kind.BAD}
    assert Kind.BAD in seen


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["quotes", "prices", "type", "server_time", "seq", "t"]), inner, max_size=6)
    ),
    max_leaves=20,
)


@given(payload=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()), text=st.booleans())
def test_whatever_arrives_is_judged_and_never_raises(*, payload: bytes, text: bool) -> None:
    for group in (
        inspector(**MARKET),
        inspector(send_time={"field": "server_time.t", "unit": "iso"}, sequence="seq.t"),
        inspector(freshness={"field": "*.t"}),
        inspector(freshness={"field": "quotes.*.*", "pick": "min"}, sequence="seq"),
    ):
        seen = see(group, payload, text=text)
        assert (seen.error is None) is (seen.kind is not Kind.BAD)
        assert seen.kind is Kind.DATA or (seen.send_time, seen.sequence) == (None, None)


@given(st.dictionaries(st.text(min_size=5), st.text(min_size=5), min_size=1))
def test_error_names_hold_nothing_of_the_message(message: dict[str, str]) -> None:
    seen = see(inspector(expect={"keys": ["k"]}), json.dumps(message).encode())
    assert seen == bad("message: key missing: k")


# remembering


class Counting(Inspector):
    """Counts how often it looks inside a payload."""

    looks = 0

    def _look(self, payload: bytes, *, text: bool) -> Inspected:
        self.looks += 1
        return super()._look(payload, text=text)


def counting() -> Counting:
    return Counting(WebSocketGroup.model_validate({"websocket": "/ws", "sequence": "seq"}))


def broadcast(number: int) -> bytes:
    return b'{"seq": %d}' % number


def test_a_broadcast_to_many_subscribers_is_looked_at_once() -> None:
    group = counting()
    for number in range(1000):
        assert {see(group, broadcast(number)).sequence for _ in range(50)} == {number}
    assert group.looks == 1000


def test_subscribers_that_lag_a_few_broadcasts_behind_still_find_theirs() -> None:
    group = counting()
    for number in range(1000):
        for lag in range(messages.REMEMBERED):
            see(group, broadcast(max(0, number - lag)))
    assert group.looks == 1000


def test_text_and_binary_of_the_same_bytes_are_different_messages() -> None:
    group = inspector(not_data=[{"binary": True}])
    assert [see(group, b"{}", text=text).kind for text in (True, False, True)] == [Kind.DATA, Kind.NOT_DATA, Kind.DATA]


def test_remembering_is_given_up_where_all_payloads_differ_and_tried_again_later() -> None:
    group = counting()
    for number in range(messages.WINDOW):
        see(group, broadcast(number))
    assert not group._recent  # nothing is kept for nothing
    looks = group.looks
    for _ in range(messages.RETRY):
        assert see(group, broadcast(1)).sequence == 1
    assert group.looks == looks + messages.RETRY  # it rests
    for _ in range(100):
        see(group, broadcast(2))
    assert group.looks == looks + messages.RETRY + 1  # and remembers again


@pytest.mark.parametrize(
    ("known", "remembers"),
    [
        (37, True),  # of 256 + 37 messages: a little more than an eighth
        (36, False),  # a little less
    ],
)
def test_an_eighth_of_known_payloads_is_enough_to_go_on_remembering(*, known: int, remembers: bool) -> None:
    group = counting()
    for number in range(messages.WINDOW):
        for _ in range(2 if number < known else 1):
            see(group, broadcast(number))
    assert bool(group._recent) is remembers


def test_what_is_remembered_is_bounded_in_number_and_size() -> None:
    group = counting()
    for number in range(50):
        see(group, broadcast(number))
    assert len(group._recent) == messages.REMEMBERED
    huge = b'{"seq": 1, "x": "' + b"x" * messages.REMEMBERED_BYTES + b'"}'
    assert see(group, huge).sequence == 1
    assert all(known is not huge for known, *_ in group._recent)


# the ordinary message, read with one decoder, and every other

SOME = st.sampled_from(["a", "b", "at", "n", "type", "dates", 'q"', "other"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3)
    | st.just("2026-01-02T03:04:05+07:00"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(SOME, inner, max_size=3),
    max_leaves=4,
)  # fmt: skip
GROUPS: list[dict[str, Any]] = [
    MARKET,
    {"expect": {"keys": ["a", "b"]}, "send_time": {"field": "at", "unit": "s"}, "sequence": "n"},
    {"expect": {"keys": ["at"]}, "send_time": {"field": "at", "unit": "iso"}, "not_data": [{"keys": ["type", "a"]}]},
    {"send_time": {"field": "at", "unit": "ms"}, "freshness": {"field": "dates.*", "unit": "s"}},
    {"send_time": {"field": "at"}, "freshness": {"field": "at"}, "sequence": "n"},
    {"send_time": {"field": "a.b", "unit": "s"}, "sequence": "n"},
    {"sequence": "n", "freshness": {"field": "*.at", "unit": "s"}},
    {"sequence": "n", "not_data": [{"keys": ["n"]}], "expect": {"keys": ["a"]}},
    {"sequence": 'q"', "expect": {"keys": ["a"]}},
    {"expect": {"keys": ["a"]}, "not_data": [{"keys": ["type"]}, {"keys": ["b"]}]},
]


@pytest.mark.parametrize("group", GROUPS)
@given(pairs=st.lists(st.tuples(SOME, VALUES), max_size=6), end=st.sampled_from(["}", "", "}}"]))
def test_a_message_is_seen_alike_with_one_decoder_and_with_one_for_each_field(
    group: dict[str, Any], pairs: list[tuple[str, Any]], end: str
) -> None:
    payload = ("{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + end).encode()
    quick, thorough = inspector(**group), inspector(**group)
    thorough._plain = None
    assert see(quick, payload) == see(thorough, payload)


@pytest.mark.parametrize(
    ("group", "payload"),
    [
        (MARKET, b'{"quotes": {}, "prices": {}, "server_time": 12.5, "seq": 7}'),
        (GROUPS[1], b'{"a": 1, "b": 2, "at": 1.5}'),
        (GROUPS[2], b'{"at": "2026-01-02T03:04:05+07:00", "type": 1}'),
        (GROUPS[3], b'{"at": 5, "dates": {"x": 3.5, "y": 4}}'),
        (GROUPS[6], b'{"n": 5, "x": {"at": 4}}'),
    ],
)
def test_an_ordinary_message_takes_one_look(group: dict[str, Any], payload: bytes) -> None:
    once = inspector(**group)
    assert once._plain is not None
    assert once._ordinary(payload) is not None
