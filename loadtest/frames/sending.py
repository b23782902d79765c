"""The sending half of an open WebSocket connection, and its end. Bytes wait in `take`; nothing is read here."""

from collections.abc import Callable

from websockets.client import ClientProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Close, Frame, Opcode

from loadtest.frames.ends import ABNORMAL, Closed

__all__ = ["Sending"]


class Sending:
    """What must be sent waits in `take`; `end` is set when the connection is over."""

    __slots__ = ("_compression", "_library", "_open_library", "_outgoing", "close_code", "end")

    def __init__(self, library: Callable[[], ClientProtocol], *, compression: bool) -> None:
        self._open_library = library
        self._library: ClientProtocol | None = None
        self._compression = compression
        self._outgoing: list[bytes] | None = None
        self.close_code: int | None = None
        self.end: Closed | None = None

    def take(self) -> bytes:
        """What must be sent now."""
        outgoing, self._outgoing = self._outgoing, None
        return b"".join(outgoing or ())

    @property
    def closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self.end is not None or self.close_code is not None

    def _protocol(self) -> ClientProtocol:
        """The library's object, in the state that this connection is in."""
        if self._library is None:
            self._library = self._open_library()
            if self.close_code is not None:
                self._library.send_close(self.close_code)
                self._library.data_to_send()  # sent already
        return self._library

    def _collect(self, protocol: ClientProtocol) -> None:
        outgoing = [data for data in protocol.data_to_send() if data]
        if outgoing:
            self._outgoing = (self._outgoing or []) + outgoing

    def _put(self, opcode: Opcode, payload: bytes) -> None:
        """Put one frame in line."""
        if self._outgoing is None:
            self._outgoing = []
        self._outgoing.append(Frame(opcode, payload).serialize(mask=True))

    def send(self, message: str | bytes) -> bool:
        """Put one message in line for `take`; False: too late, the connection is closing."""
        if self.closing:
            return False
        opcode, payload = (Opcode.TEXT, message.encode()) if isinstance(message, str) else (Opcode.BINARY, message)
        if self._compression:
            protocol = self._protocol()
            (protocol.send_text if opcode is Opcode.TEXT else protocol.send_binary)(payload)
            self._collect(protocol)
        else:
            self._put(opcode, payload)
        return True

    def ping(self, payload: bytes) -> bool:
        """Put a ping in line; at most 125 bytes. False: too late."""
        if self.closing:
            return False
        self._put(Opcode.PING, payload)
        return True

    def close(self, code: int, reason: str) -> bool:
        """Put our Close in line; False: there is one already.

        Raises:
            ValueError: not a code that may be sent (RFC 6455, 7.4), or a reason of more than 123 bytes.
        """
        if self.closing:
            return False
        try:
            self._put(Opcode.CLOSE, Close(code, reason).serialize())
        except ProtocolError as exc:
            raise ValueError(str(exc)) from None
        self.close_code = code
        if self._library is not None:
            self._library.send_close(code)
            self._library.data_to_send()
        return True

    def fail(self, code: int, name: str) -> None:
        """End it because of what the server sent (RFC 6455, 7.1.7): a Close with `code` in line, nothing read any more.

        `name` is what the end will be called. After our own Close there is no other, and its code stays.
        """
        if self.end is not None:
            return
        if self.close_code is None:
            self._put(Opcode.CLOSE, Close(code, "").serialize())
        self.finish(Closed("us", self.close_code or code, name))

    def lost(self, reason: str, *, eof: bool) -> Closed:
        """The stream is over: `eof` if the server ended it, else `reason` is what cut it. The end, if not known yet."""
        if self.end is not None:
            return self.end
        if self.close_code is not None:
            end = Closed("us", self.close_code, f"close: {reason} before the server's Close")
        elif eof:
            end = Closed("server", ABNORMAL, "closed by server: no Close frame")
        else:
            end = Closed("network", ABNORMAL, reason)
        self.finish(end)
        return end

    def finish(self, end: Closed) -> None:
        """It is over, like this."""
        self.end = end
