"""An open WebSocket connection: a scanner for plain frames, the websockets library for everything else.

Most of what a server pushes are complete, unfragmented, uncompressed data frames: the scanner takes those from the read
buffer as they lie there. Each other frame is handed to the library's protocol object, whole and in order, and so is all
that follows while a fragmented message is incomplete; it answers pings, closes, decompresses and finds the faults.

Text is not checked here: whoever inspects messages checks each distinct payload once (`text.valid_utf8`) and ends the
connection with `fail(1007, …)`.
"""

from collections.abc import Callable

from websockets.client import ClientProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

from loadtest.frames.ends import ABNORMAL, NO_STATUS, TOO_BIG, Closed, fault_name

__all__ = ["Session"]

PLAIN_TEXT = 0x81
PLAIN = {PLAIN_TEXT, 0x82}
"""First bytes of data frames with FIN and without reserved bits: text and binary."""
MASKED, LENGTH_16, LENGTH_64 = 0x80, 126, 127
HEADER, HEADER_16, HEADER_64 = 2, 4, 10
"""Bytes of an unmasked frame's header, by the form of its length (RFC 6455, 5.2)."""
OPCODES = {0x0, 0x1, 0x2, 0x8, 0x9, 0xA}
MAX_FRAGMENTS = 2**17
"""Frames of one message: 16 MiB in pieces of 128 bytes; a message without end has no size that would stop it."""


class Session:
    """One open connection. What must be sent in answer waits in `take`; `end` is set when it is over.

    `on_message(payload, text, received)` gets each whole message, `on_pong(payload, received)` each pong, asked for or
    not; `received` is what `receive` was given. Both may call send, close and fail in return.
    """

    __slots__ = ("_fragments", "_held", "_left", "_limit", "_message", "_need", "_on_message", "_on_pong", "_outgoing",
                 "_protocol", "_text", "close_code", "end")  # fmt: skip

    def __init__(
        self,
        protocol: ClientProtocol,
        on_message: Callable[[bytes, bool, float], None],
        on_pong: Callable[[bytes, float], None],
        max_message: int,
    ) -> None:
        """`protocol` has accepted the upgrade and was given nothing that followed it; `max_message` is in bytes."""
        self._protocol = protocol
        self._on_message = on_message
        self._on_pong = on_pong
        self._limit = max_message
        self._outgoing: list[bytes] = []
        self._held = bytearray()  # a frame's beginning, until it is known whose it is, or complete
        self._need = HEADER  # bytes in _held that allow the next step
        self._left = 0  # bytes of the frame that the library is reading
        self._message: bytearray | None = None  # a fragmented message so far
        self._text = False
        self._fragments = 0
        self.close_code: int | None = None
        self.end: Closed | None = None

    # -- receiving ----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes | memoryview, received: float) -> bool:
        """Take what was read at `received`; whether there is something to `take`, or the session has ended.

        After our Close, messages still count until the server's. After the end, everything is discarded.
        """
        at, size = 0, len(data)
        while at < size and self.end is None:
            if not self._left and not self._held and self._message is None:
                at = self._scan(data, at, received)
                if at == size:
                    break
            at = self._step(data, at, received)
        return self.end is not None or bool(self._outgoing)

    def _scan(self, data: bytes | memoryview, at: int, received: float) -> int:
        """Deliver plain frames as long as they are complete; where the first other thing begins."""
        size = len(data)
        while size - at > 1 and self.end is None:
            first = data[at]
            if first not in PLAIN:
                break
            length = data[at + 1]
            start = at + 2
            if length == LENGTH_16 and size - at >= HEADER_16:
                length = data[start] << 8 | data[start + 1]
                start = at + HEADER_16
            elif length == LENGTH_64 and size - at >= HEADER_64:
                start = at + HEADER_64
                length = int.from_bytes(data[at + 2 : start], "big")
            elif length >= LENGTH_16:  # masked, or not all there
                break
            end = start + length
            if end > size or length > self._limit:
                break
            self._on_message(bytes(data[start:end]), first == PLAIN_TEXT, received)
            at = end
        return at

    def _step(self, data: bytes | memoryview, at: int, received: float) -> int:
        """Take up to the next decision; where that is."""
        if self._left:
            end = min(at + self._left, len(data))
            self._left -= end - at
            self._relay(bytes(data[at:end]), received)
            return end
        end = min(at + self._need - len(self._held), len(data))
        self._held += data[at:end]
        if len(self._held) == self._need:
            self._decide(received)
        return end

    def _decide(self, received: float) -> None:
        """Enough of a frame is held to know its header's size, then whose it is, then to deliver it."""
        held = self._held
        first, second = held[0], held[1]
        header = header_size(second)
        if first & 0x0F not in OPCODES or second & MASKED:
            self._release(received)  # the library stops reading here
        elif self._need < header:
            self._need = header
        elif self._need > header:
            self._complete(header, received)
        else:
            length = second if header == HEADER else int.from_bytes(held[2:header], "big")
            plain = first in PLAIN and self._message is None
            if not plain or length > self._limit:
                self._left = length
                self._release(received)
            elif length:
                self._need = header + length
            else:
                self._complete(header, received)

    def _complete(self, header: int, received: float) -> None:
        held, self._held, self._need = self._held, bytearray(), 2
        self._on_message(bytes(memoryview(held)[header:]), held[0] == PLAIN_TEXT, received)

    def _release(self, received: float) -> None:
        held, self._held, self._need = self._held, bytearray(), 2
        self._relay(bytes(held), received)

    def _relay(self, data: bytes, received: float) -> None:
        """Let the library read, and act on what it found: at most one frame, or a fault."""
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Frame) and self.end is None:
                self._take_in(event, received)
        self._outgoing += filter(None, protocol.data_to_send())
        if self.end is None and protocol.parser_exc is not None:
            code = int(protocol.close_sent.code) if protocol.close_sent is not None else None
            self.end = Closed("us", code, fault_name(protocol.parser_exc))

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
        message = self._message
        if message is None:
            return
        message += frame.data
        self._fragments += 1
        if frame.fin:
            self._message = None
            self._on_message(bytes(message), self._text, received)
        elif self._fragments >= MAX_FRAGMENTS:
            self.fail(TOO_BIG, "protocol error: too many fragments")

    def _closed_by_server(self) -> None:
        if self.close_code is not None:
            self.end = Closed("us", self.close_code, "closed by us")
            return
        close = self._protocol.close_rcvd
        code = close.code if close is not None else NO_STATUS
        self.end = Closed("server", int(code), f"closed by server: {int(code)}")

    def lost(self, reason: str, *, eof: bool) -> Closed:
        """The stream is over: `eof` if the server ended it, else `reason` is what cut it. The end, if not known yet."""
        if self.end is None:
            if self.close_code is not None:
                self.end = Closed("us", self.close_code, f"close: {reason} before the server's Close")
            elif eof:
                self.end = Closed("server", ABNORMAL, "closed by server: no Close frame")
            else:
                self.end = Closed("network", ABNORMAL, reason)
        return self.end

    # -- sending ------------------------------------------------------------------------------------------------------

    def take(self) -> bytes:
        """What must be sent now."""
        outgoing = b"".join(self._outgoing)
        self._outgoing.clear()
        return outgoing

    @property
    def closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self.end is not None or self._protocol.state is not OPEN

    def send(self, message: str | bytes) -> bool:
        """Put one message in line for `take`; False: too late, the connection is closing."""
        if self.closing:
            return False
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        self._outgoing += self._protocol.data_to_send()
        return True

    def ping(self, payload: bytes) -> bool:
        """Put a ping in line; at most 125 bytes. False: too late."""
        if self.closing:
            return False
        self._protocol.send_ping(payload)
        self._outgoing += self._protocol.data_to_send()
        return True

    def close(self, code: int, reason: str) -> bool:
        """Put our Close in line; False: there is one already.

        Raises:
            ValueError: not a code that may be sent (RFC 6455, 7.4), or a reason of more than 123 bytes.
        """
        if self.closing:
            return False
        try:
            self._protocol.send_close(code, reason)
        except ProtocolError as exc:
            raise ValueError(str(exc)) from None
        self.close_code = code
        self._outgoing += self._protocol.data_to_send()
        return True

    def fail(self, code: int, name: str) -> None:
        """End it because of what the server sent (RFC 6455, 7.1.7): a Close with `code` in line, nothing read any more.

        `name` is what the end will be called.
        """
        if self.end is None:
            self._protocol.fail(code)
            self._outgoing += filter(None, self._protocol.data_to_send())
            self.end = Closed("us", code, name)


def header_size(second: int) -> int:
    """Bytes of the header whose second byte this is."""
    length = second & 0x7F
    return HEADER if length < LENGTH_16 else HEADER_16 if length == LENGTH_16 else HEADER_64
