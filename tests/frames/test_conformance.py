"""The cases of Autobahn's client suite, as far as they concern a client that receives: a table by its chapters.

Each row is what a server sends, in frames, and what must come of it: the messages, the pongs we answer with, and the
close code we send. Every row is run whole, byte by byte, and in pieces of 7.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.protocol import State
from websockets.uri import parse_uri
from websockets.utils import apply_mask

from loadtest.frames import Session
from loadtest.text import valid_utf8

LIMIT = 16 * 2**20
TEXT, BINARY, CONT, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA
FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
GREETING = "Hello-µ@ßöäüàá-UTF-8!!".encode()
GOOD, BROKEN, AFTER = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", b"\xed\xa0\x80", b"edited"


def frame(opcode: int, payload: bytes = b"", flags: int = FIN) -> bytes:
    """A server's frame."""
    size = len(payload)
    if size < 126:
        return bytes([flags | opcode, size]) + payload
    if size < 65536:
        return struct.pack("!BBH", flags | opcode, 126, size) + payload
    return struct.pack("!BBQ", flags | opcode, 127, size) + payload


def part(opcode: int, payload: bytes = b"") -> bytes:
    """A frame that more of the message follows."""
    return frame(opcode, payload, 0)


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


@dataclass(frozen=True)
class Case:
    """What is sent, and what must come of it."""

    name: str
    stream: bytes
    messages: tuple[bytes, ...] = ()
    pongs: tuple[bytes, ...] = ()
    closes: int | None = None
    """The code that we send: our verdict, or the server's own, echoed; 1005: a Close without a code."""


def fails(name: str, stream: bytes, *messages: bytes, code: int = 1002, pongs: tuple[bytes, ...] = ()) -> Case:
    return Case(name, stream + frame(TEXT, b"never delivered"), messages, pongs, code)


def framing() -> Iterator[Case]:
    for opcode, kind in ((TEXT, "text"), (BINARY, "binary")):
        for size in (0, 125, 126, 127, 128, 65535, 65536):
            yield Case(f"1 {kind} of {size}", frame(opcode, b"*" * size), (b"*" * size,))


def pings() -> Iterator[Case]:
    for payload in (b"", b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125):
        yield Case(f"2 ping of {len(payload)}", frame(PING, payload), pongs=(payload,))
    yield fails("2.5 ping of 126", frame(PING, b"\xfe" * 126))
    yield Case("2.7 unsolicited pong", frame(PONG))
    yield Case("2.8 unsolicited pong with payload", frame(PONG, b"unsolicited"))
    yield Case("2.9 unsolicited pong, then ping", frame(PONG, b"x") + frame(PING, b"y"), pongs=(b"y",))
    yield Case(
        "2.10 ten pings", b"".join(frame(PING, b"%d" % i) for i in range(10)), pongs=tuple(b"%d" % i for i in range(10))
    )


def reserved() -> Iterator[Case]:
    hello = frame(TEXT, b"hello")
    for bits in range(1, 8):
        flags = FIN | bits << 4
        yield fails(f"3 bits {bits} on text", frame(TEXT, b"x", flags))
        yield fails(f"3 bits {bits} on text after a message", hello + frame(TEXT, b"x", flags), b"hello")
        yield fails(f"3 bits {bits} on binary", frame(BINARY, b"x", flags))
        yield fails(f"3 bits {bits} on ping", hello + frame(PING, b"x", flags), b"hello")
        yield fails(f"3 bits {bits} on close", frame(CLOSE, b"", flags))
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        for payload in (b"", b"reserved"):
            yield fails(f"4 opcode {opcode} with {len(payload)}", frame(opcode, payload))
            yield fails(f"4 opcode {opcode} after a message", hello + frame(opcode, payload), b"hello")


def fragmentation() -> Iterator[Case]:
    two = part(TEXT, b"fragment1") + frame(CONT, b"fragment2")
    yield fails("5.1 ping in fragments", part(PING, b"fragment1") + frame(CONT, b"fragment2"))
    yield fails("5.2 pong in fragments", part(PONG, b"fragment1") + frame(CONT, b"fragment2"))
    yield Case("5.3 text in two", two, (b"fragment1fragment2",))
    inside = part(TEXT, b"fragment1") + frame(PING, b"ping") + frame(CONT, b"fragment2")
    yield Case("5.6 ping inside", inside, (b"fragment1fragment2",), (b"ping",))
    yield fails("5.9 continuation of nothing, final", frame(CONT, b"x"))
    yield fails("5.12 continuation of nothing, more follows", part(CONT, b"x"))
    yield fails("5.15 continuation after a whole message", two + part(CONT, b"x"), b"fragment1fragment2")
    yield fails("5.18 text inside a text", part(TEXT, b"fragment1") + frame(TEXT, b"fragment2"))
    five = b"".join((part(TEXT, b"f1"), part(CONT, b"f2"), frame(PING, b"p1"), part(CONT, b"f3"), part(CONT, b"f4")))
    five += frame(PING, b"p2") + frame(CONT, b"f5")
    yield Case("5.19 five fragments and two pings", five, (b"f1f2f3f4f5",), (b"p1", b"p2"))
    empty = part(BINARY) + part(CONT) + frame(CONT)
    yield Case("5 empty fragments", empty, (b"",))
    yield Case("5 pong inside", part(BINARY, b"a") + frame(PONG, b"x") + frame(CONT, b"b"), (b"ab",))


VALID = {
    "6.2 greeting": GREETING,
    "6.5 kosme": GOOD,
    "6.7 first of one byte": b"\x00",
    "6.9 last of two bytes": b"\xdf\xbf",
    "6.9 last of three bytes": b"\xef\xbf\xbf",
    "6.11 before the surrogates": b"\xed\x9f\xbf",
    "6.11 after the surrogates": b"\xee\x80\x80",
    "6.11 the last of all": b"\xf4\x8f\xbf\xbf",
    "6.22 noncharacters": b"\xef\xbf\xbe" + b"\xf0\x9f\xbf\xbf",
    "6.23 replacement character": b"\xef\xbf\xbd",
}
INVALID = {
    "6.3 a surrogate among good text": GOOD + BROKEN + AFTER,
    "6.6 cut off": GOOD[:-1],
    "6.8 five bytes": b"\xf8\x88\x80\x80\x80",
    "6.8 six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "6.11 beyond the last": b"\xf4\x90\x80\x80",
    "6.12 a continuation alone": b"\x80",
    "6.13 a start alone": b"\xc0 \xc1 ",
    "6.14 incomplete": b"\xf0\x80\x80",
    "6.16 no UTF-8 byte": b"\xfe\xff",
    "6.17 overlong slash": b"\xc0\xaf",
    "6.18 overlong of four": b"\xf0\x8f\xbf\xbf",
    "6.19 overlong null": b"\xe0\x80\x80",
    "6.20 high surrogate": b"\xed\xa0\x80",
    "6.21 pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
}


def texts() -> Iterator[Case]:
    for name, text in VALID.items():
        yield Case(name, frame(TEXT, text), (text,))
        bytewise = part(TEXT) + b"".join(part(CONT, text[i : i + 1]) for i in range(len(text))) + frame(CONT)
        yield Case(f"{name}, a fragment for each byte", bytewise, (text,))
    for name, text in INVALID.items():
        yield fails(name, frame(TEXT, text), code=1007)
        bytewise = part(TEXT) + b"".join(part(CONT, text[i : i + 1]) for i in range(len(text))) + frame(CONT)
        yield fails(f"{name}, a fragment for each byte", bytewise, code=1007)
        yield Case(f"{name}, but binary", frame(BINARY, text), (text,))
    unfinished = part(TEXT, GOOD) + part(CONT, b"\xf4\x90\x80\x80")  # 6.4: no more comes, and it is refused already
    yield Case("6.4 fails fast", unfinished, closes=1007)


def closing() -> Iterator[Case]:
    yield Case("7.1 close after a message", frame(TEXT, b"x") + close(1000), (b"x",), closes=1000)
    yield Case("7.1.2 two closes", close(1000) + close(1000), closes=1000)
    yield Case("7.1.3 ping after close", close(1000) + frame(PING), closes=1000)
    yield Case("7.1.4 message after close", close(1000) + frame(TEXT, b"x"), closes=1000)
    yield fails("7.1.5 close inside a message", part(TEXT, b"x") + close(1000))
    yield Case("7.1.6 close after 256 KiB", frame(TEXT, b"B" * 2**18) + close(1000), (b"B" * 2**18,), closes=1000)
    yield Case("7.3.1 empty close", frame(CLOSE), closes=1005)
    yield fails("7.3.2 close of one byte", frame(CLOSE, b"a"))
    yield Case("7.3.4 close with a reason", close(1000, b"Hello World!"), closes=1000)
    yield Case("7.3.5 close with the longest reason", close(1000, b"*" * 123), closes=1000)
    yield fails("7.3.6 close that is too long", close(1000, b"*" * 124))
    yield fails("7.5 reason is not UTF-8", close(1000, GOOD + BROKEN + AFTER), code=1007)
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        yield Case(f"7.7 close code {code}", close(code), closes=code)
    for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535):
        yield fails(f"7.9 close code {code}", close(code))


def limits() -> Iterator[Case]:
    for size in (2**16, 2**18, 2**20, 2**22, 2**23, LIMIT):
        for opcode in (TEXT, BINARY):
            yield Case(f"9 {size} bytes as {opcode}", frame(opcode, b"*" * size), (b"*" * size,))
    whole = b"*" * 2**22
    for piece in (2**8, 2**12, 2**16, 2**20, 2**22):
        pieces = [whole[i : i + piece] for i in range(0, len(whole), piece)]
        stream = part(BINARY) + b"".join(part(CONT, data) for data in pieces) + frame(CONT)
        yield Case(f"9.4 4 MiB in fragments of {piece}", stream, (whole,))
    yield fails("9 a byte too many", frame(BINARY, b"*" * (LIMIT + 1)), code=1009)
    yield Case("10 a message of 65,537 in fragments of 1,300", fragments_of(b"*" * 65537, 1300), (b"*" * 65537,))


def fragments_of(data: bytes, size: int) -> bytes:
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    return part(TEXT, pieces[0]) + b"".join(part(CONT, piece) for piece in pieces[1:-1]) + frame(CONT, pieces[-1])


class Client:
    """A session, and the check of texts that its owner makes."""

    def __init__(self, *, compression: bool = False) -> None:
        self.messages: list[bytes] = []
        self.sent = b""
        self.session = Session(
            lambda: opened(compression=compression), self.on_message, lambda *_: None, LIMIT, compression=compression
        )

    def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: ARG002, FBT001 - the session's
        if text and not valid_utf8(payload):
            self.session.fail(1007, "message: invalid UTF-8")
        else:
            self.messages.append(payload)

    def receive(self, stream: bytes, size: int) -> None:
        for at in range(0, len(stream), size):
            piece = stream[at : at + size]
            self.session.receive(piece, len(piece), 0.0)
            while self.session.behind:
                self.session.go_on()
        self.sent += self.session.take()

    def frames(self) -> list[tuple[int, bytes]]:
        found, at = [], 0
        while at < len(self.sent):
            opcode, length = self.sent[at] & 0x0F, self.sent[at + 1] & 0x7F
            found.append((opcode, apply_mask(self.sent[at + 6 : at + 6 + length], self.sent[at + 2 : at + 6])))
            at += 6 + length
        return found


def opened(*, compression: bool) -> ClientProtocol:
    protocol = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, max_size=LIMIT)
    if compression:
        protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]  # noqa: FBT003 - the library's signature
    return protocol


CASES = [*framing(), *pings(), *reserved(), *fragmentation(), *texts(), *closing(), *limits()]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_client_does_what_the_protocol_asks(case: Case) -> None:
    sizes = [1, 7, len(case.stream)] if len(case.stream) < 3000 else [1500, len(case.stream)]
    for size in sizes:
        client = Client()
        client.receive(case.stream, size)
        assert tuple(client.messages) == case.messages
        frames = client.frames()
        assert tuple(payload for opcode, payload in frames if opcode == PONG) == case.pongs
        codes = [
            int.from_bytes(payload[:2], "big") if payload else 1005 for opcode, payload in frames if opcode == CLOSE
        ]
        assert codes == ([] if case.closes is None else [case.closes])


# -- 12 and 13: permessage-deflate (RFC 7692) -------------------------------------------------------------------------


@pytest.mark.parametrize("takeover", [True, False])  # whether the server keeps its window from message to message
@pytest.mark.parametrize("size", [16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072])
def test_compressed_messages_of_any_size_and_cut_inflate(takeover: bool, size: int) -> None:  # noqa: FBT001 - a table
    messages = [(b'{"number":%d,"pad":"' % number).ljust(size - 2, b"x") + b'"}' for number in range(20)]
    packer = zlib.compressobj(wbits=-15)
    stream = b""
    for number, message in enumerate(messages):
        if not takeover:
            packer = zlib.compressobj(wbits=-15)
        data = (packer.compress(message) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
        if number % 2:  # RFC 7692, 6.1: only the first fragment has RSV1
            half = len(data) // 2
            stream += frame(TEXT, data[:half], RSV1) + frame(PING, b"p") + frame(CONT, data[half:])
        else:
            stream += frame(TEXT, data, FIN | RSV1)
    stream += frame(TEXT, b"not compressed")
    for cut in (7, 1500, len(stream)):
        client = Client(compression=True)
        client.receive(stream, cut)
        assert client.messages == [*messages, b"not compressed"]
        assert client.frames() == [(PONG, b"p")] * 10


@pytest.mark.parametrize(
    "stream",
    [
        frame(TEXT, b"\xff\xff\xff", FIN | RSV1),  # no deflate stream
        frame(TEXT, b"x", FIN | RSV2),  # means nothing
        frame(PING, b"x", FIN | RSV1),  # control frames are never compressed
        part(TEXT, b"x") + frame(CONT, b"x", FIN | RSV1),  # only the first fragment may have it
    ],
)
def test_what_breaks_the_rules_of_compression_ends_the_connection(stream: bytes) -> None:
    client = Client(compression=True)
    client.receive(stream, len(stream))
    ((opcode, payload),) = client.frames()
    assert (opcode, payload[:2]) == (CLOSE, struct.pack("!H", 1002))
