"""Whether a payload is text. Whoever sees the same payload many times asks once."""

__all__ = ["valid_utf8"]


def valid_utf8(payload: bytes) -> bool:
    """Whether a text message is what RFC 6455, 8.1 requires; if not, the connection is to be failed with 1007."""
    if payload.isascii():
        return True
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
