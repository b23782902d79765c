"""What is read by the websockets library: fragments, compressed messages, the Close, and what breaks a rule."""

import codecs
from collections.abc import Callable
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode

from loadtest.frames.ends import NO_STATUS, TOO_BIG, WRONG_DATA, Closed, fault_name
from loadtest.frames.sending import Sending

__all__ = ["MAX_FRAGMENTS", "Relay"]

MAX_FRAGMENTS = 2**17
"""Frames of one message: 16 MiB in pieces of 128 bytes; a message without end has no size that would stop it."""

decoder_of = codecs.getincrementaldecoder("utf-8")


def _tell_nobody(*_: object) -> None:
    """Nothing is told after the end."""


class Relay(Sending):
    """Passes frames to the library's protocol object, and its events on; makes whole messages of fragments."""

    __slots__ = ("_decoder", "_fragments", "_message", "_on_message", "_on_pong", "_text")

    def __init__(
        self,
        library: Callable[[], ClientProtocol],
        on_message: Callable[[bytes, bool, float], None],
        on_pong: Callable[[bytes, float], None],
        *,
        compression: bool,
    ) -> None:
        super().__init__(library, compression=compression)
        self._on_message = on_message
        self._on_pong = on_pong
        self._message: bytearray | None = None  # a fragmented message so far
        self._text = False
        self._decoder: Any = None
        self._fragments = 0

    def let_go(self) -> None:
        """After the end: forget who was told, so that neither keeps the other in memory."""
        self._on_message = self._on_pong = _tell_nobody
        self._library = None

    def _relay(self, data: bytes, received: float) -> None:
        """Let the library read, and act on what it found: at most one frame, or a fault."""
        protocol = self._protocol()
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Frame) and self.end is None:
                self._take_in(event, received)
        self._collect(protocol)
        if self.end is None and protocol.parser_exc is not None:
            code = int(protocol.close_sent.code) if protocol.close_sent is not None else None
            self.finish(Closed("us", code, fault_name(protocol.parser_exc)))

    def _take_in(self, frame: Frame, received: float) -> None:
        if frame.opcode is Opcode.PONG:
            self._on_pong(bytes(frame.data), received)
        elif frame.opcode is Opcode.CLOSE:
            self._closed_by_server()
        elif frame.opcode is not Opcode.PING:
            self._take_fragment(frame, received)

    def _take_fragment(self, frame: Frame, received: float) -> None:
        if frame.opcode is not Opcode.CONT:
            self._message, self._text, self._fragments = bytearray(), frame.opcode is Opcode.TEXT, 0
            self._decoder = decoder_of() if self._text and not frame.fin else None
        message = self._message
        if message is None:
            return
        message += frame.data
        self._fragments += 1
        if not self._is_text_so_far(frame):
            self.fail(WRONG_DATA, "protocol error: fragment is not UTF-8")
        elif frame.fin:
            self._message = self._decoder = None
            self._on_message(bytes(message), self._text, received)
        elif self._fragments >= MAX_FRAGMENTS:
            self.fail(TOO_BIG, "protocol error: too many fragments")

    def _is_text_so_far(self, frame: Frame) -> bool:
        """A message that can't become text any more is ended early (RFC 6455, 8.1), not after its last gigabyte."""
        if self._decoder is not None:
            try:
                self._decoder.decode(frame.data, frame.fin)
            except UnicodeDecodeError:
                return False
        return True

    def _closed_by_server(self) -> None:
        if self.close_code is not None:
            self.finish(Closed("us", self.close_code, "closed by us"))
            return
        close = self._protocol().close_rcvd
        code = close.code if close is not None else NO_STATUS
        self.finish(Closed("server", int(code), f"closed by server: {int(code)}"))
