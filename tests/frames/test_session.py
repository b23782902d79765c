import codecs
import struct
import time
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri
from websockets.utils import apply_mask

from loadtest.frames import Closed, Repeat, Session
from loadtest.frames import relay as module
from loadtest.frames.ends import fault_name
from loadtest.frames.session import PER_TURN

URI = parse_uri("ws://localhost/")
LIMIT = 70_000


def opened(*, compression: bool = False, limit: int = LIMIT) -> ClientProtocol:
    """A protocol object just after an accepted upgrade."""
    protocol = ClientProtocol(URI, state=State.OPEN, max_size=limit)
    if compression:
        protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]  # noqa: FBT003 - the library's signature
    return protocol


def frames_in(data: bytes) -> list[tuple[int, bytes]]:
    """What a client has sent, unmasked: (opcode, payload)."""
    found = []
    while data:
        first, second = data[0], data[1]
        assert first & 0x70 == 0
        assert second & 0x80, "a client masks (RFC 6455, 5.1)"
        size, start = second & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(data[2:start], "big")
        found.append((first & 0x0F, apply_mask(data[start + 4 : start + 4 + size], data[start : start + 4])))
        data = data[start + 4 + size :]
    return found


def frame(first: int, payload: bytes = b"", *, masked: bool = False, length: int | None = None, wide: int = 0) -> bytes:
    """A frame as the caller wants it, right or wrong; `wide` forces a longer form of the length than it needs."""
    size = len(payload) if length is None else length
    mask = 0x80 if masked else 0
    if size < 126 and wide == 0:
        return bytes([first, mask | size]) + payload
    if size < 65536 and wide <= 2:
        return struct.pack("!BBH", first, mask | 126, size) + payload
    return struct.pack("!BBQ", first, mask | 127, size) + payload


class Heard:
    """A session, and everything that came out of it."""

    def __init__(
        self, protocol: ClientProtocol | None = None, limit: int = LIMIT, repeat: Repeat | None = None
    ) -> None:
        self.messages: list[tuple[bool, bytes]] = []
        self.pongs: list[bytes] = []
        self.times: list[float] = []
        self.turns: list[int] = []
        self.sent = b""
        self.session = Session(
            lambda: protocol or opened(limit=limit),
            self.on_message,
            self.on_pong,
            limit,
            compression=protocol is not None and bool(protocol.extensions),
            repeat=repeat,
        )

    def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: FBT001 - the session's signature
        assert type(payload) is bytes
        self.messages.append((text, payload))
        self.times.append(received)

    def on_pong(self, payload: bytes, received: float) -> None:
        self.pongs.append(payload)
        self.times.append(received)

    def receive(self, *pieces: bytes) -> "Heard":
        buffer = bytearray(b"\x81" * 200_000)  # with what earlier reads left in it
        for number, piece in enumerate(pieces):
            buffer[: len(piece)] = piece
            attention = self.session.receive(buffer, len(piece), float(number))
            self.turns.append(len(self.messages))
            while self.attend(attention=attention):
                attention = self.session.go_on()
                self.turns.append(len(self.messages))
        return self

    def attend(self, *, attention: bool) -> bool:
        outgoing = self.session.take()
        assert attention == (bool(outgoing) or self.session.end is not None or self.session.behind)
        self.sent += outgoing
        return self.session.behind

    @property
    def everything(self) -> tuple[object, ...]:
        return self.messages, self.pongs, without_reasons(frames_in(self.sent)), self.session.end


def alone(stream: bytes, *, compression: bool, close_first: bool) -> tuple[object, ...]:
    """What the library makes of a stream without the scanner; None: can't be told."""
    protocol = opened(compression=compression)
    if close_first:
        protocol.send_close(1000)
    protocol.receive_data(stream)
    messages: list[tuple[bool, bytes]] = []
    pongs: list[bytes] = []
    pieces: list[bytes] = []
    text = False
    for event in protocol.events_received():
        assert isinstance(event, Frame)
        data = bytes(event.data)
        if event.opcode is Opcode.PONG:
            pongs.append(data)
        elif event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if event.opcode is not Opcode.CONT:
                pieces, text = [], event.opcode is Opcode.TEXT
            pieces.append(data)
            fragment = event.opcode is Opcode.CONT or not event.fin
            if text and fragment and not becomes_text(pieces, whole=event.fin):  # the library doesn't look, and goes on
                wrong = Closed("us", 1000 if close_first else 1007, "protocol error: fragment is not UTF-8")
                return messages, pongs, None, wrong
            if event.fin:
                messages.append((text, b"".join(pieces)))
    sent = without_reasons(frames_in(b"".join(protocol.data_to_send())))
    return messages, pongs, sent, end_of(protocol, close_first=close_first)


def end_of(protocol: ClientProtocol, *, close_first: bool) -> Closed | None:
    if protocol.parser_exc is not None:
        assert protocol.close_sent is not None
        return Closed("us", int(protocol.close_sent.code), fault_name(protocol.parser_exc))
    if protocol.close_rcvd is None:
        return None
    code = int(protocol.close_rcvd.code)
    return Closed("us", 1000, "closed by us") if close_first else Closed("server", code, f"closed by server: {code}")


def without_reasons(sent: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """A Close says why in words of its sender's choice: only its code counts."""
    return [(opcode, payload[:2] if opcode == Opcode.CLOSE else payload) for opcode, payload in sent]


def becomes_text(pieces: list[bytes], *, whole: bool) -> bool:
    """Whether a message that begins, or is, like this can be text."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(b"".join(pieces), final=whole)
    except UnicodeDecodeError:
        return False
    return True


def deflated(payload: bytes) -> bytes:
    """One message as permessage-deflate sends it without context takeover (RFC 7692, 7.2.1)."""
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


sizes = st.sampled_from([0, 1, 2, 5, 124, 125, 126, 127, 200, 1400, 65535, 65536, LIMIT, LIMIT + 1])
payloads = st.builds(lambda size, byte: bytes([byte]) * size, sizes, st.integers(0, 255))
plain = st.builds(frame, st.sampled_from([0x81, 0x82]), payloads, wide=st.sampled_from([0, 0, 0, 2, 8]))
small = st.binary(max_size=6)
fragment = st.builds(frame, st.sampled_from([0x01, 0x02, 0x00, 0x80]), st.one_of(small, payloads))
control = st.builds(frame, st.sampled_from([0x89, 0x8A]), st.binary(max_size=125))
whole = st.tuples(st.sampled_from([0x01, 0x02]), st.lists(small, max_size=3), small, control).map(
    lambda parts: (
        frame(parts[0], b"start") + b"".join(frame(0x00, p) for p in parts[1]) + parts[3] + frame(0x80, parts[2])
    )
)
closing = st.builds(
    lambda code, reason: frame(0x88, struct.pack("!H", code) + reason),
    st.sampled_from([1000, 1011, 4000, 999, 1005]),
    small,
)
packed = st.builds(lambda payload: frame(0xC1, deflated(payload)), payloads)
wrong = st.builds(frame, st.integers(0, 255), small, masked=st.booleans(), length=st.none() | st.integers(0, 2**64 - 1))
streams = st.lists(st.one_of(plain, plain, plain, whole, control, packed, fragment, closing, wrong), max_size=8).map(
    b"".join
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A stream with, perhaps, a few bytes overwritten and its end missing."""
    stream = bytearray(draw(streams))
    for _ in range(draw(st.integers(0, 2)) if stream else 0):
        stream[draw(st.integers(0, len(stream) - 1))] = draw(st.integers(0, 255))
    return bytes(stream[: draw(st.integers(0, len(stream)))] if draw(st.booleans()) else stream)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(streams, damaged()), st.lists(st.integers(0, 70_100), max_size=12), st.booleans(), st.booleans(), plain
)
def test_any_stream_cut_anywhere_means_the_same_with_and_without_the_scanner(
    stream: bytes,
    cuts: list[int],
    compression: bool,  # noqa: FBT001 - drawn
    close_first: bool,  # noqa: FBT001 - drawn
    known: bytes,
) -> None:
    repeat = Repeat()
    Heard(repeat=repeat).receive(known)
    heard = Heard(opened(compression=compression), repeat=repeat)
    if close_first:
        heard.session.close(1000, "")
        heard.sent += heard.session.take()
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    heard.receive(*(stream[a:b] for a, b in pairwise(edges)))
    expected = alone(stream, compression=compression, close_first=close_first)
    if heard.session.end is not None and expected[-1] is None:  # by a header: the library waits for the payload
        expected = alone(stream + bytes(LIMIT), compression=compression, close_first=close_first)
    messages, pongs, sent, end = heard.everything
    assert (messages, pongs, sent if expected[2] is not None else None, end) == expected


TOUR = (
    frame(0x81, b"one")
    + frame(0x82, b"\x00" * 126)
    + frame(0x01, b"frag")
    + frame(0x89, b"are you there")
    + frame(0x80, b"mented")
    + frame(0x81)
    + frame(0x8A, b"pong")
    + frame(0x81, b"last")
    + frame(0x88, struct.pack("!H", 1001) + b"bye")
)


@pytest.mark.parametrize("cut", range(len(TOUR)))
def test_a_conversation_split_at_any_byte_is_understood(cut: int) -> None:
    heard = Heard().receive(TOUR[:cut], TOUR[cut:])
    assert heard.messages == [
        (True, b"one"),
        (False, b"\x00" * 126),
        (True, b"fragmented"),
        (True, b""),
        (True, b"last"),
    ]
    assert heard.pongs == [b"pong"]
    assert frames_in(heard.sent) == [(0xA, b"are you there"), (0x8, struct.pack("!H", 1001) + b"bye")]
    assert heard.session.end == Closed("server", 1001, "closed by server: 1001")


def test_a_conversation_that_arrives_byte_by_byte_is_understood() -> None:
    whole, single = Heard().receive(TOUR), Heard().receive(*(TOUR[i : i + 1] for i in range(len(TOUR))))
    assert single.everything == whole.everything


@pytest.mark.parametrize("size", [1, 7, 1000])  # bytes in each read
def test_the_library_reads_only_what_is_not_plain(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = opened()
    read: list[bytes] = []
    receive_data = protocol.receive_data

    def spy(data: bytes | bytearray) -> None:
        read.append(bytes(data))
        receive_data(data)

    monkeypatch.setattr(protocol, "receive_data", spy)
    plain, ping = frame(0x81, b"plain"), frame(0x89, b"?")
    fragmented = frame(0x01, b"frag") + frame(0x80, b"mented")
    stream = plain + ping + plain + fragmented + plain + ping + plain
    heard = Heard(protocol).receive(*(stream[i : i + size] for i in range(0, len(stream), size)))
    assert b"".join(read) == fragmented
    assert [payload for _, payload in heard.messages] == [b"plain", b"plain", b"fragmented", b"plain", b"plain"]


def test_messages_carry_the_time_of_the_read_that_completed_them() -> None:
    stream = frame(0x81, b"first") + frame(0x81, b"second")
    assert Heard().receive(stream[:9], stream[9:]).times == [0.0, 1.0]


def test_what_a_real_server_writes_is_read() -> None:
    server = ServerProtocol(state=State.OPEN)
    server.send_text(b"plain")
    server.send_text(b"in ", fin=False)
    server.send_continuation(b"two", fin=True)
    server.send_ping(b"?")
    server.send_binary(b"\xff" * 70_000)
    server.send_close(1000)
    heard = Heard().receive(*server.data_to_send())
    assert heard.messages == [(True, b"plain"), (True, b"in two"), (False, b"\xff" * 70_000)]
    assert heard.session.end == Closed("server", 1000, "closed by server: 1000")


FAULTS = [
    (frame(0x83, b"x"), 1002, "protocol error: reserved opcode"),  # 0x3 … 0x7 are reserved data frames
    (frame(0x8B, b"x"), 1002, "protocol error: reserved opcode"),  # 0xB … 0xF are reserved control frames
    (frame(0x81, b"\0\0\0\0x", masked=True, length=1), 1002, "protocol error: masked frame"),  # RFC 6455, 5.1
    (frame(0xC1, b"x"), 1002, "protocol error: reserved bits"),  # compressed, which was not agreed on
    (frame(0xA1, b"x"), 1002, "protocol error: reserved bits"),  # RSV2 means nothing
    (frame(0x89, b"x" * 126), 1002, "protocol error: control frame too long"),  # RFC 6455, 5.5
    (frame(0x09, b"x"), 1002, "protocol error: fragmented control frame"),  # RFC 6455, 5.5
    (frame(0x01) + frame(0x81), 1002, "protocol error: message inside a fragmented message"),  # RFC 6455, 5.4
    (frame(0x80, b"x"), 1002, "protocol error: continuation of nothing"),  # RFC 6455, 5.4
    (frame(0x01) + frame(0x88), 1002, "protocol error: Close inside a fragmented message"),  # it'd never be complete
    (frame(0x88, b"\x03"), 1002, "protocol error: bad Close frame"),  # a code has two bytes
    (frame(0x88, struct.pack("!H", 1005)), 1002, "protocol error: bad close code"),  # 1005 must not be sent
    (frame(0x88, struct.pack("!H", 999)), 1002, "protocol error: bad close code"),  # below 1000 is unused
    (frame(0x88, b"\x03\xe8\xff"), 1007, "protocol error: Close reason is not UTF-8"),  # RFC 6455, 5.5.1
    (frame(0x81, b"x" * (LIMIT + 1)), 1009, "protocol error: message too big"),  # over the limit
    (frame(0x81, length=2**63), 1009, "protocol error: message too big"),  # announced only: nothing is kept for it
    (frame(0x01, b"x" * 40_000) + frame(0x80, b"x" * 40_000), 1009, "protocol error: message too big"),  # in sum
]


@pytest.mark.parametrize(("stream", "code", "name"), FAULTS, ids=[f"{i}: {row[2]}" for i, row in enumerate(FAULTS)])
def test_a_broken_rule_ends_the_session_with_its_code_and_name(stream: bytes, code: int, name: str) -> None:
    heard = Heard().receive(frame(0x81, b"before") + stream + frame(0x81, b"after"))
    assert heard.messages == [(True, b"before")]
    assert heard.session.end == Closed("us", code, name)
    ((opcode, payload),) = frames_in(heard.sent)
    assert (opcode, payload[:2]) == (0x8, struct.pack("!H", code))


def test_data_that_does_not_inflate_ends_the_session() -> None:
    heard = Heard(opened(compression=True)).receive(frame(0xC1, b"\xff\xff\xff\xff"))
    assert heard.session.end == Closed("us", 1002, "protocol error: decompression failed")


def test_a_small_frame_that_inflates_beyond_the_limit_is_too_big() -> None:
    heard = Heard(opened(compression=True)).receive(frame(0xC1, deflated(b"0" * 10_000_000)))
    assert heard.session.end == Closed("us", 1009, "protocol error: message too big")
    assert heard.messages == []


def test_a_message_of_endless_empty_fragments_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FRAGMENTS", 100)
    heard = Heard().receive(frame(0x01), frame(0x00) * 98)
    assert heard.session.end is None
    heard.receive(frame(0x00) * 10)
    assert heard.session.end == Closed("us", 1009, "protocol error: too many fragments")
    assert frames_in(heard.sent) == [(0x8, struct.pack("!H", 1009))]


@pytest.mark.parametrize(("one", "per_turn"), [(frame(0x81), PER_TURN), (frame(0x89), PER_TURN)])
def test_one_turn_takes_so_many_frames_and_the_next_goes_on(one: bytes, per_turn: int) -> None:
    heard = Heard()
    stream = one * (3 * per_turn) + frame(0x81, b"end")
    heard.session.receive(stream, len(stream), 0.0)
    assert heard.session.behind
    heard.session.receive(frame(0x81, b"later"), 7, 1.0)  # what comes meanwhile waits behind it
    turns, attention = 1, True
    while heard.attend(attention=attention):
        attention = heard.session.go_on()
        turns += 1
    assert turns == 5  # the rest of the first read, then the second
    assert [payload for _, payload in heard.messages if payload] == [b"end", b"later"]
    assert heard.times[-1] == 1.0
    assert len(heard.messages) + len(frames_in(heard.sent)) == 3 * per_turn + 2


def test_a_broadcast_is_delivered_as_one_object_however_it_comes() -> None:
    repeat = Repeat()
    broadcast = frame(0x81, b"x" * 300)
    first, second, third = (Heard(repeat=repeat) for _ in range(3))
    first.receive(broadcast)
    second.receive(broadcast[:3], broadcast[3:150], broadcast[150:])
    third.session.repeated(0.0)
    payloads = [heard.messages[0][1] for heard in (first, second, third)]
    assert payloads[0] == b"x" * 300
    assert payloads[0] is payloads[1] is payloads[2]


def test_a_repeated_frame_in_the_middle_of_another_is_part_of_it() -> None:
    repeat = Repeat()
    known = frame(0x81, b"known")
    Heard(repeat=repeat).receive(known)
    heard = Heard(repeat=repeat).receive(frame(0x82, length=len(known)))
    heard.session.repeated(1.0)
    assert heard.messages == [(False, known)]


def test_a_header_that_breaks_a_rule_is_not_waited_upon() -> None:
    heard = Heard().receive(frame(0xC1, length=LIMIT))  # none of its 70,000 bytes has come
    assert heard.session.end == Closed("us", 1002, "protocol error: reserved bits")


def test_text_in_fragments_fails_as_soon_as_it_can_be_no_text() -> None:
    heard = Heard().receive(frame(0x01, "grüße".encode()) + frame(0x00, b"\xff"))
    assert heard.session.end == Closed("us", 1007, "protocol error: fragment is not UTF-8")
    assert frames_in(heard.sent) == [(0x8, struct.pack("!H", 1007))]


def test_a_message_of_exactly_the_limit_is_delivered() -> None:
    assert Heard().receive(frame(0x82, b"x" * LIMIT)).messages == [(False, b"x" * LIMIT)]


def test_text_is_delivered_unchecked_even_in_fragments_that_split_a_character() -> None:
    euro = "€".encode()
    heard = Heard().receive(frame(0x01, euro[:1]) + frame(0x80, euro[1:]) + frame(0x81, b"\xff"))
    assert heard.messages == [(True, euro), (True, b"\xff")]


@pytest.mark.parametrize("first", [0x81, 0x01], ids=["plain", "fragmented"])  # each path keeps its own buffer
def test_a_large_frame_in_small_pieces_costs_linear_time(first: int) -> None:
    def seconds(size: int) -> float:
        stream = frame(first, b"x" * size)
        pieces = [stream[i : i + 1500] for i in range(0, len(stream), 1500)]
        best = float("inf")
        for _ in range(3):
            heard = Heard(limit=2**24)
            began = time.thread_time()  # not the wall clock's: others use this machine as well
            heard.receive(*pieces)
            best = min(best, time.thread_time() - began)
        return best

    assert seconds(8_000_000) < 30 * seconds(1_000_000)  # quadratic would be 64 times


def test_data_after_our_close_still_counts_until_the_servers() -> None:
    heard = Heard()
    assert heard.session.close(1000, "done")
    heard.receive(
        frame(0x81, b"late") + frame(0x89, b"?"), frame(0x88, struct.pack("!H", 1000)) + frame(0x81, b"too late")
    )
    assert heard.messages == [(True, b"late")]
    assert frames_in(heard.sent) == [(0x8, b"\x03\xe8done"), (0xA, b"?")]
    assert heard.session.end == Closed("us", 1000, "closed by us")


def test_the_stream_may_be_ended_from_within_a_delivery() -> None:
    heard = Heard()

    def refuse(payload: bytes, text: bool, received: float) -> None:  # noqa: FBT001 - the session's signature
        heard.on_message(payload, text, received)
        heard.session.fail(1007, "message: invalid UTF-8")

    session = heard.session = Session(opened, refuse, heard.on_pong, LIMIT)
    heard.receive(frame(0x81, b"\xff") + frame(0x81, b"more"), frame(0x81, b"still more"))
    assert heard.messages == [(True, b"\xff")]
    assert session.end == Closed("us", 1007, "message: invalid UTF-8")
    assert frames_in(heard.sent) == [(0x8, struct.pack("!H", 1007))]


LOST = [
    (False, b"", True, Closed("server", 1006, "closed by server: no Close frame")),  # an orderly end of the stream
    (False, b"\x81\x05ab", True, Closed("server", 1006, "closed by server: no Close frame")),  # in mid-frame
    (False, b"", False, Closed("network", 1006, "connection reset")),  # a reset
    (True, b"", True, Closed("us", 1000, "close: connection reset before the server's Close")),  # we had begun
    (False, frame(0x88), True, Closed("server", 1005, "closed by server: 1005")),  # the Close came first; no code
    (False, frame(0x83), False, Closed("us", 1002, "protocol error: reserved opcode")),  # the fault came first
]


@pytest.mark.parametrize(("close_first", "stream", "eof", "end"), LOST)
def test_a_lost_stream_says_who_ended_it(close_first: bool, stream: bytes, eof: bool, end: Closed) -> None:  # noqa: FBT001 - a table
    heard = Heard()
    if close_first:
        heard.session.close(1000, "")
    heard.receive(stream)
    assert heard.session.lost("connection reset", eof=eof) == end
    assert heard.session.end == end


def test_what_is_sent_reads_back_at_the_server() -> None:
    heard = Heard()
    assert heard.session.send("grüße")
    assert heard.session.send(b"\x00\x01")
    assert heard.session.ping(b"12")
    assert frames_in(heard.session.take()) == [(0x1, "grüße".encode()), (0x2, b"\x00\x01"), (0x9, b"12")]
    assert heard.session.take() == b""


def test_nothing_is_sent_after_a_close() -> None:
    heard = Heard()
    heard.session.close(4000, "")
    heard.session.take()
    assert not heard.session.send("x")
    assert not heard.session.ping(b"x")
    assert not heard.session.close(1000, "")
    assert heard.session.take() == b""


@pytest.mark.parametrize(("code", "reason"), [(1005, ""), (99, ""), (1000, "x" * 124)])  # reserved, no code, too long
def test_a_close_that_may_not_be_sent_is_the_callers_mistake(code: int, reason: str) -> None:
    with pytest.raises(ValueError, match=r"invalid status code|control frame too long"):
        Heard().session.close(code, reason)
