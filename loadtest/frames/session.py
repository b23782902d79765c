"""An open WebSocket connection: a scanner for plain frames, the websockets library for everything else.

Most of what a server pushes are complete, unfragmented, uncompressed data frames: the scanner takes those from the read
buffer as they lie there, pings and pongs too. Each other frame is handed to the library's protocol object, whole and in
order, and so is all that follows while a fragmented message is incomplete; it answers the Close, decompresses and finds
the faults that do not show in a header. The object is made when it is first needed.

Text is not checked here, save in fragments: whoever inspects messages checks each distinct payload once
(`text.valid_utf8`) and ends the connection with `fail(1007, …)`.
"""

from collections import deque
from collections.abc import Callable

from websockets.client import ClientProtocol
from websockets.frames import Opcode

from loadtest.frames.ends import PROTOCOL_ERROR, Closed
from loadtest.frames.header import MASKED, OPCODES, fault_in_header, header_size
from loadtest.frames.relay import Relay
from loadtest.frames.repeat import MAX_REPEATED, Repeat

__all__ = ["Session"]

PLAIN_TEXT = 0x81
PLAIN = {PLAIN_TEXT, 0x82}
"""First bytes of data frames with FIN and without reserved bits: text and binary."""
PONG = 0x8A
SIMPLE = {*PLAIN, 0x89, PONG}
"""Those, and whole pings and pongs."""
LENGTH_16, LENGTH_64 = 126, 127
HEADER, HEADER_16, HEADER_64 = 2, 4, 10
"""Bytes of an unmasked frame's header, by the form of its length (RFC 6455, 5.2)."""
PER_TURN = 256
"""Messages that one connection may bring in one turn; of a full read of empty frames, the others wait."""
STEP_COST = 8
"""A frame for the library takes as long as so many plain ones."""


class Session(Relay):
    """One open connection. What must be sent in answer waits in `take`; `end` is set when it is over.

    `on_message(payload, text, received)` gets each whole message, `on_pong(payload, received)` each pong, asked for or
    not; `received` is what `receive` was given. Both may call send, close and fail in return.
    """

    __slots__ = ("_held", "_left", "_limit", "_need", "_repeat", "_waiting", "idle")

    def __init__(
        self,
        library: Callable[[], ClientProtocol],
        on_message: Callable[[bytes, bool, float], None],
        on_pong: Callable[[bytes, float], None],
        max_message: int,
        *,
        compression: bool = False,
        repeat: Repeat | None = None,
    ) -> None:
        """`library()` is a protocol object in the state after the upgrade; `max_message` is in bytes.

        `compression`: permessage-deflate was agreed on. `repeat` is shared with those that get the same broadcasts.
        """
        super().__init__(library, on_message, on_pong, compression=compression)
        self._limit = max_message
        self._repeat = Repeat() if repeat is None else repeat
        self._held: bytearray | None = None  # a frame's beginning, until it is known whose it is, or complete
        self._need = HEADER  # bytes in _held that allow the next step
        self._left = 0  # bytes of the frame that the library is reading
        self._waiting: deque[tuple[bytes, float]] | None = None  # read, but not looked at in that turn
        self.idle = True
        """Whether what comes next is the beginning of a frame, and nothing waits."""

    def receive(self, data: bytes | bytearray, size: int, received: float) -> bool:
        """Take the `size` bytes that were read; True: there is something to `take`, it is `behind`, or it has ended.

        `received` is the time of the read. After our Close, messages still count until the server's. After the end,
        everything is discarded.
        """
        repeat = self._repeat
        if size == repeat.size and self.idle and data.startswith(repeat.frame):
            self._on_message(repeat.payload, repeat.text, received)
        elif self._waiting is not None:
            self._waiting.append((bytes(memoryview(data)[:size]), received))
        else:
            self._read(memoryview(data), size, received)
        return self._outgoing is not None or self.end is not None or self._waiting is not None

    def repeated(self, received: float) -> bool:
        """As `receive`, with the frame that `repeat` has in mind; the caller has compared the bytes."""
        repeat = self._repeat
        if not self.idle:
            return self.receive(repeat.frame, repeat.size, received)
        self._on_message(repeat.payload, repeat.text, received)
        return self._outgoing is not None or self.end is not None

    @property
    def behind(self) -> bool:
        """Whether more was read than one turn may take: `go_on` in the next one, and read no more until then."""
        return self._waiting is not None

    def go_on(self) -> bool:
        """Take what is left from an earlier turn, up to the same bound; returns what `receive` does."""
        waiting, self._waiting = self._waiting, None
        if waiting:
            data, received = waiting.popleft()
            self._read(memoryview(data), len(data), received)
            if waiting and self.end is None:
                self._waiting = self._waiting or deque()
                self._waiting.extend(waiting)
                self.idle = False
        return self._outgoing is not None or self.end is not None or self._waiting is not None

    def _read(self, data: memoryview, size: int, received: float) -> None:
        at, budget = 0, PER_TURN
        while at < size and self.end is None:
            if budget <= 0:
                self._waiting = deque([(bytes(data[at:size]), received)])
                break
            if not self._left and self._held is None and self._message is None:
                at, budget = self._scan(data, at, size, budget, received)
                if at == size or budget <= 0:
                    continue
            at = self._step(data, at, size, received)
            budget -= STEP_COST
        busy = self._waiting is not None or self._left or self._held is not None or self._message is not None
        self.idle = self.end is None and not busy

    def _scan(self, data: memoryview, at: int, size: int, budget: int, received: float) -> tuple[int, int]:
        """Deliver plain frames while they are complete; where the first other thing begins, and the budget left."""
        begin = at
        while size - at > 1 and budget > 0 and self.end is None:
            first = data[at]
            length = data[at + 1]
            start = at + HEADER
            if length == LENGTH_16 and size - at >= HEADER_16:
                length = data[start] << 8 | data[start + 1]
                start = at + HEADER_16
            elif length == LENGTH_64 and size - at >= HEADER_64:
                start = at + HEADER_64
                length = int.from_bytes(data[at + HEADER : start], "big")
            elif length >= LENGTH_16:  # masked, or not all there
                break
            end = start + length
            if end > size or length > self._limit:
                break
            if first in PLAIN:
                payload = bytes(data[start:end])
                if at == begin == 0 and end == size:
                    self._repeat.learn(bytes(data[:size]), payload, text=first == PLAIN_TEXT)
                self._on_message(payload, first == PLAIN_TEXT, received)
            elif first in SIMPLE and start == at + HEADER:
                self._control(first, bytes(data[start:end]), received)
            else:
                break
            at = end
            budget -= 1
        return at, budget

    def _control(self, first: int, payload: bytes, received: float) -> None:
        if first == PONG:
            self._on_pong(payload, received)
        else:
            self._put(Opcode.PONG, payload)  # RFC 6455, 5.5.2

    def _step(self, data: memoryview, at: int, size: int, received: float) -> int:
        """Take up to the next decision; where that is."""
        if self._left:
            end = min(at + self._left, size)
            self._left -= end - at
            self._relay(bytes(data[at:end]), received)
            return end
        held = self._held
        if held is None:
            held = self._held = bytearray()
        end = min(at + self._need - len(held), size)
        held += data[at:end]
        if len(held) == self._need:
            self._decide(held, received)
        return end

    def _decide(self, held: bytearray, received: float) -> None:
        """Enough of a frame is held to know its header's size, then whose it is, then to deliver it."""
        first, second = held[0], held[1]
        header = header_size(second)
        if first & 0x0F not in OPCODES or second & MASKED:
            self._release(held, received)  # the library stops reading here
        elif self._need < header:
            self._need = header
        elif self._need > header:
            self._complete(held, header, received)
        else:
            length = second if header == HEADER else int.from_bytes(held[2:header], "big")
            self._judge(held, length, received)

    def _judge(self, held: bytearray, length: int, received: float) -> None:
        """A header is complete: the frame breaks a rule, or is plain, or is the library's."""
        first, message = held[0], self._message
        allowed = self._limit if message is None else self._limit - len(message)
        fault = None
        if length <= allowed:
            fault = fault_in_header(first, length, in_message=message is not None, compression=self._compression)
        if fault is not None:
            self.fail(PROTOCOL_ERROR, fault)
        elif first not in SIMPLE or message is not None or length > allowed:
            self._left = length
            self._release(held, received)
        elif length:
            self._need += length
        else:
            self._complete(held, self._need, received)

    def _complete(self, held: bytearray, header: int, received: float) -> None:
        repeat, first = self._repeat, held[0]
        self._held, self._need = None, HEADER
        if first not in PLAIN:
            self._control(first, bytes(held[header:]), received)
            return
        if len(held) == repeat.size and held.startswith(repeat.frame):
            self._on_message(repeat.payload, repeat.text, received)
            return
        payload = bytes(memoryview(held)[header:])
        if len(held) <= MAX_REPEATED:
            repeat.learn(bytes(held), payload, text=first == PLAIN_TEXT)
        self._on_message(payload, first == PLAIN_TEXT, received)

    def _release(self, held: bytearray, received: float) -> None:
        self._held, self._need = None, HEADER
        self._relay(bytes(held), received)

    def finish(self, end: Closed) -> None:
        """It is over, like this."""
        super().finish(end)
        self.idle = False
        self._waiting = self._message = self._held = None
