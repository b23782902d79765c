"""Content codings (RFC 9110, 8.4.1): gzip and deflate undone, never past a limit. Brotli and others are refused."""

import zlib

from loadtest.errors import ProtocolViolation

__all__ = ["decode"]

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
_MAX_LAYERS = 2
_ZLIB_METHOD = 8


def decode(body: bytes, encodings: tuple[str, ...], limit: int) -> bytes:
    """The body without its codings, at most `limit` bytes of it at every step (a zip bomb stops there).

    Raises ProtocolViolation.
    """
    if len(encodings) > _MAX_LAYERS:
        raise ProtocolViolation("response: unknown content-encoding")
    for coding in reversed(encodings):
        if coding in ("gzip", "x-gzip"):
            body = _inflate(body, _GZIP, limit)
        elif coding == "deflate":
            body = _inflate(body, _ZLIB if _has_zlib_header(body) else _RAW, limit)
        else:
            raise ProtocolViolation("response: unknown content-encoding")
    return body


def _has_zlib_header(body: bytes) -> bool:
    """Some servers send `deflate` without the zlib wrapper it should have (RFC 9110, 8.4.1.2)."""
    return len(body) > 1 and body[0] & 0x0F == _ZLIB_METHOD and int.from_bytes(body[:2], "big") % 31 == 0


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        stream = zlib.decompressobj(window)
        try:
            part = stream.decompress(body, limit - size + 1)
        except zlib.error as error:
            raise ProtocolViolation("response: bad content-encoding") from error
        size += len(part)
        if size > limit:
            raise ProtocolViolation("response: body too large")
        parts.append(part)
        body = stream.unused_data
        if not stream.eof or (body and window != _GZIP):
            raise ProtocolViolation("response: bad content-encoding")
        if not body:  # a gzip file may be several, one after another (RFC 1952, 2.2)
            return b"".join(parts)
