"""How a connection ended, under stable names."""

from dataclasses import dataclass
from typing import Literal

from websockets.exceptions import PayloadTooBig

__all__ = ["ABNORMAL", "NO_STATUS", "PROTOCOL_ERROR", "TOO_BIG", "WRONG_DATA", "Closed", "fault_name"]

PROTOCOL_ERROR, NO_STATUS, ABNORMAL, WRONG_DATA, TOO_BIG = 1002, 1005, 1006, 1007, 1009
"""Close codes (RFC 6455, 7.4.1)."""

NAMES = {
    "invalid opcode": "protocol error: reserved opcode",
    "incorrect masking": "protocol error: masked frame",
    "reserved bits must be 0": "protocol error: reserved bits",
    "RSV1 bit set in continuation frame": "protocol error: reserved bits",
    "control frame too long": "protocol error: control frame too long",
    "fragmented control frame": "protocol error: fragmented control frame",
    "expected a continuation frame": "protocol error: message inside a fragmented message",
    "unexpected continuation frame": "protocol error: continuation of nothing",
    "incomplete fragmented message": "protocol error: Close inside a fragmented message",
    "close frame too short": "protocol error: bad Close frame",
    "invalid status code": "protocol error: bad close code",
    "decompression failed": "protocol error: decompression failed",
}
"""What the library says -> what we count. A test breaks each rule, so a new wording does not go unnoticed."""


@dataclass(frozen=True, slots=True)
class Closed:
    """How a connection ended.

    `code`: the server's close code, or ours if we closed or failed it; 1005: a Close without code; 1006: no Close at
    all (RFC 6455, 7.1.5); None: it was cut by us. `name` is stable, so that it can be counted.
    """

    by: Literal["us", "server", "network"]
    code: int | None
    name: str


def fault_name(exc: Exception) -> str:
    """The stable name of what made the library stop reading."""
    if isinstance(exc, PayloadTooBig):
        return "protocol error: message too big"
    if isinstance(exc, UnicodeDecodeError):
        return "protocol error: Close reason is not UTF-8"
    return NAMES.get(str(exc), "protocol error: other")
