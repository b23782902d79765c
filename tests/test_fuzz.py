"""Foreign bytes for everything that reads them: what comes out is a value or one of our errors, and nothing else.

Briefly with the other tests; `make fuzz` tries FUZZ_EXAMPLES of each.
"""

import os
from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.uri import parse_uri

from loadtest.clock import SystemClock
from loadtest.errors import JournalError, ProfileError, ProtocolViolation, WireError
from loadtest.frames import Session
from loadtest.http1 import ResponseParser
from loadtest.profiles import load
from loadtest.results import Record, Summary
from loadtest.results.journal import MAGIC, Ended, Reader, Started, encode
from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.cluster.worker import WorkerSession

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES") or 100)
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def mutated(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """Any bytes, and good ones with some of them changed, cut out or repeated."""

    def change(seed: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
        data = bytearray(seed)
        for at, length, new in edits:
            start = at % (len(data) + 1)
            data[start : start + length] = new
        return bytes(data)

    edit = st.tuples(st.integers(0, 1 << 16), st.integers(0, 8), st.binary(max_size=8))
    return st.binary(max_size=300) | st.builds(change, st.sampled_from(seeds), st.lists(edit, max_size=4))


FRAMES = (
    b"\x81\x05hello\x82\x03\x01\x02\x03\x89\x00",
    b"\x01\x03abc\x80\x02de\x8a\x01x",
    b"\x81\x7e\x00\x80" + b"x" * 128 + b"\x88\x02\x03\xe8",
    b"\x81\xfe\x00\x01masked",
)


@fuzzed
@given(mutated(*FRAMES), st.integers(1, 40))
def test_frames_are_messages_or_end_the_connection_however_they_were_cut(data: bytes, piece: int) -> None:
    seen: list[tuple[bytes, bool]] = []
    session = Session(
        lambda: ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, max_size=1000),
        lambda payload, text, _received: seen.append((payload, text)),
        lambda _payload, _received: None,
        1000,
    )
    for at in range(0, len(data), piece):
        cut = data[at : at + piece]
        session.receive(bytearray(cut), len(cut), 0.0)
        while session.behind:
            session.go_on()
        session.take()
    assert sum(len(payload) for payload, _ in seen) <= len(data)
    assert session.end is None or session.end.name


RESPONSES = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08",
)


@fuzzed
@given(mutated(*RESPONSES), st.integers(1, 40))
def test_an_answer_is_read_or_is_a_violation(data: bytes, piece: int) -> None:
    parser = ResponseParser()
    parser.expect("GET")
    with suppress(ProtocolViolation):
        for at in range(0, len(data), piece):
            parser.feed(data[at : at + piece])


PROFILE = b"""\
name: fuzzed
target: {url: "http://127.0.0.1:1", token: "${TOKEN:-}"}
users:
  subscribers: {websocket: /ws, share: 1, silence: 10s, session: {reconnect: {backoff: 100ms..5s}}}
  pollers: {share: 2, pace: {every: 2s}, requests: [{get: /a, weight: 3, expect: {status: 200}}]}
load: [{ramp: 10, over: 2s}, {hold: 1m}, {spike: 20, for: 5s}]
slo: [errors < 1%, rest response p95 < 200ms]
on_worker_loss: continue
"""


@fuzzed
@given(mutated(PROFILE))
def test_a_profile_is_one_or_every_mistake_in_it_is_named(data: bytes) -> None:
    with suppress(ProfileError):
        load(data.decode("utf-8", "replace"), environ={})


STARTED = Started("r1", "smoke", ["http://h"], "2026-01-01T00:00:00Z", 1.0, {"users": "u"}, users=3)
RECORD = Record("r1", "w1", 0, 0, 0, [], {"g": {"messages": 3}}, {"g": {"odd": 1}}, {"g": {"users": 2}}, {"cpu": 0.5})


@fuzzed
@given(mutated(MAGIC + encode(STARTED) + encode(RECORD) + encode(Ended(1.0))))
def test_a_journal_is_read_up_to_its_first_wrong_byte(data: bytes) -> None:
    reader = Reader()
    summary = Summary("r1")
    try:
        for entry in reader.feed(data):
            if isinstance(entry, Record):
                summary.add(entry)
    except JournalError:
        assert not data.startswith(MAGIC)
    assert reader.good <= len(data)


class Silent:
    """A link that carries nothing anywhere."""

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Forget it."""


wire = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
almost = st.fixed_dictionaries(
    {"protocol": wire, "version": wire, "digests": wire},
    optional={"run": wire, "incarnation": wire, "elapsed": wire, "users": wire},
)


@fuzzed
@given(wire | almost, st.sampled_from([messages.Hello, messages.Leaving]))
def test_a_master_drops_what_is_no_message_and_goes_on(data: Any, kind: type[Any]) -> None:
    master = MasterSession(Silent(), SystemClock(), {"p": {"users": "u"}})
    master.begin("r1", [], None)
    master.receive(kind, "w1", data)
    master.on_records("w1", data)
    master.on_records("w1", [data, {**RECORD.to_wire(), "series": data}])
    assert master.run is not None
    assert master.run.summary.counted(None, "messages") == 0


@fuzzed
@given(wire, st.sampled_from([messages.Welcome, messages.Ack, messages.Begin, messages.Drain, messages.TakeTurn]))
def test_a_worker_drops_what_is_no_message_and_goes_on(data: Any, kind: type[Any]) -> None:
    try:
        messages.read(kind, data)
    except WireError:
        WORKER.receive(kind, data)


WORKER = WorkerSession(Silent(), SystemClock(), "w1", {})


@fuzzed
@given(mutated(msgspec.msgpack.encode(RECORD.to_wire())))
def test_a_record_is_one_or_a_wire_error(data: bytes) -> None:
    try:
        decoded = msgspec.msgpack.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    with suppress(WireError):
        Summary("r1").add(Record.from_wire(decoded))
