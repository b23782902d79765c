from typing import Any

import pytest
from pydantic import ValidationError

from loadtest.profiles import Range, Read, Reconnect, Session, WebSocketGroup
from loadtest.profiles.wording import findings


def group(**given: Any) -> WebSocketGroup:
    return WebSocketGroup.model_validate({"websocket": "/ws", **given})


def problems(**given: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        group(**given)
    return [(".".join(map(str, place)), text) for place, text, _ in findings(caught.value)]


def test_a_group_needs_no_more_than_a_path() -> None:
    least = group()
    assert (least.kind, least.websocket, least.part.share) == ("websocket", "/ws", 1.0)
    assert (least.max_message, least.connect_timeout, least.compression) == (16 * 1024 * 1024, 10.0, False)
    assert least.session == Session(
        length=None, cut_every=None, messages=None, reconnect=Reconnect(backoff=Range(0.1, 5.0), jitter="full")
    )


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        ("hello", "hello"),  # short for text
        ({"text": "hello"}, "hello"),
        ({"json": {"a": [1, None, "ä"]}}, '{"a":[1,null,"ä"]}'),
        ({"json": False}, "false"),
        ({"binary": "AAEC"}, b"\0\1\2"),
    ],
)
def test_a_message_is_text_or_bytes(message: Any, payload: str | bytes) -> None:
    assert group(send=[message]).send[0].payload == payload


def test_reconnecting_can_be_switched_off_and_on() -> None:
    assert group(session={"reconnect": False}).session.reconnect is False
    assert group(session={"reconnect": True}).session.reconnect == Reconnect()


def test_what_stands_for_no_data_is_a_list_of_matchers() -> None:
    matchers = group(not_data=[{"binary": True}, {"keys": ["type", "at"]}]).not_data
    assert [(matcher.binary, matcher.keys_) for matcher in matchers] == [(True, ()), (None, ("type", "at"))]


def test_a_slow_consumer_reads_by_rate_with_pauses_into_a_small_buffer_or_any_of_these() -> None:
    assert group().read is None
    assert group(read={"rate": "30/m"}).read == Read(rate="30/m")  # type: ignore[arg-type]
    every = group(read={"rate": "50/s", "pause": "5s", "every": "30s", "buffer": "4KiB"}).read
    assert every is not None
    assert (every.rate, every.pause, every.every, every.buffer) == (50.0, 5.0, 30.0, 4096)
    assert every.model_dump(mode="json") == {"rate": "50/s", "pause": "5s", "every": "30s", "buffer": 4096}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"share": 1, "count": 1}, [("count", "can't stand beside share: give one of them")]),
        ({"share": 0}, [("share", "must be more than 0")]),
        ({"count": 0}, [("count", "must be at least 1")]),
        ({"send": [{}]}, [("send.0", "needs text, json or binary")]),
        ({"send": [{"text": "a", "binary": "AA=="}]}, [("send.0.binary", "can't stand beside text: give one of them")]),
        ({"send": "hello"}, [("send", "must be a list")]),
        ({"not_data": [{"binary": False}]}, [("not_data.0.binary", "must be true")]),
        ({"not_data": [{"keys": []}]}, [("not_data.0.keys", "must not be empty")]),
        ({"send_time": "server_time"}, [("send_time", "must be a mapping (key: value)")]),
        ({"send_time": {"field": "a", "unit": "min"}}, [("send_time.unit", "must be s, ms, us, ns or iso")]),
        (
            {"session": {"length": "1s", "cut_every": "1s"}},
            [("session.cut_every", "can't stand beside length: give one of them")],
        ),
        (
            {"session": {"messages": 5, "reconnect": False}},
            [("session.messages", "closes and connects again, which reconnect: false forbids")],
        ),
        (
            {"session": {"reconnect": {"backoff": "0s"}}},
            [("session.reconnect.backoff", "must be more than 0")],
        ),  # would spin
        ({"session": {"reconnect": {"jitter": "some"}}}, [("session.reconnect.jitter", "must be full or none")]),
        (
            {"read": {}},
            [("read", "needs rate, buffer, or pause and every; left out, the group reads as fast as it can")],
        ),
        ({"freshness": {}}, [("freshness.field", "is missing")]),
        (
            {"freshness": {"field": "quotes..at"}},
            [
                (
                    "freshness.field",
                    "must name a field of the message, with dots into objects and * for any: quotes.*.time",
                )
            ],
        ),
        (
            {"freshness": {"field": 'a."b'}},
            [("freshness.field", "must be in one line, without quotes and backslashes")],
        ),
        ({"freshness": {"field": "at", "pick": "newest"}}, [("freshness.pick", "must be max or min")]),
        ({"read": {"rate": "0/s"}}, [("read.rate", "must be more than 0/s")]),  # that is no reader
        ({"read": {"rate": 50}}, [("read.rate", "must be a rate such as 200/s, 30/m or 100/h")]),
        (
            {"read": {"pause": "5s"}},
            [("read.pause", "needs every beside it, such as read: {pause: 5s, every: 30s}")],
        ),
        (
            {"read": {"every": "5s", "rate": "1/s"}},
            [("read.every", "needs pause beside it, such as read: {pause: 5s, every: 30s}")],
        ),
        (
            {"read": {"pause": "30s", "every": "30s"}},
            [("read.pause", "must be shorter than every, or nothing is ever read")],
        ),
        ({"read": {"pause": "x", "every": "30s"}}, [("read.pause", "must be a duration such as 100ms, 10s or 1m30s")]),
        ({"read": {"buffer": "0B"}}, [("read.buffer", "must be a size of more than 0 such as 500, 64KiB or 16MiB")]),
        ({"read": {"speed": "1/s"}}, [("read.speed", "unknown key; there are rate, pause, every, buffer")]),
        ({"pace": {"every": "1s"}}, [("pace", f"unknown key; there are {', '.join(WebSocketGroup.known_keys())}")]),
    ],
)
def test_what_no_group_can_be_is_told(given: dict[str, Any], told: list[tuple[str, str]]) -> None:
    assert problems(**given) == told
