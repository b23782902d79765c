"""A frame's first bytes (RFC 6455, 5.2): how long its header is, and what is wrong before its payload is here."""

__all__ = ["MASKED", "OPCODES", "fault_in_header", "header_size"]

MASKED = 0x80
OPCODES = {0x0, 0x1, 0x2, 0x8, 0x9, 0xA}
FIN, RESERVED, COMPRESSED, CONTROL, OPCODE = 0x80, 0x70, 0x40, 0x08, 0x0F
MAX_CONTROL = 125
RESERVED_BITS = "protocol error: reserved bits"


def header_size(second: int) -> int:
    """Bytes of an unmasked frame's header, by its second byte."""
    length = second & 0x7F
    return 2 if length < 126 else 4 if length == 126 else 10  # noqa: PLR2004 - the three forms of a length


def fault_in_header(first: int, length: int, *, in_message: bool, compression: bool) -> str | None:
    """The stable name of the rule that a known opcode's frame breaks; None: none that shows in the header.

    `in_message`: a fragmented message is incomplete. With `compression`, what RSV1 means depends on the payload.
    """
    opcode = first & OPCODE
    if opcode & CONTROL:
        return _fault_in_control(first, length)
    if compression and (first & COMPRESSED or (in_message and not opcode)):
        return None
    if first & RESERVED:
        return RESERVED_BITS
    if opcode and in_message:
        return "protocol error: message inside a fragmented message"
    return None if opcode or in_message else "protocol error: continuation of nothing"


def _fault_in_control(first: int, length: int) -> str | None:
    if first & RESERVED:
        return RESERVED_BITS
    if length > MAX_CONTROL:
        return "protocol error: control frame too long"
    return None if first & FIN else "protocol error: fragmented control frame"
