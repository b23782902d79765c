import gzip
import tracemalloc
import zlib

import pytest

from loadtest.errors import ProtocolViolation
from loadtest.http1.content import decode

PLAIN = b'{"quotes": {}}' * 50
RAW_DEFLATE = zlib.compress(PLAIN, wbits=-15)


@pytest.mark.parametrize(
    ("encodings", "body"),
    [
        ((), PLAIN),
        (("gzip",), gzip.compress(PLAIN)),
        (("x-gzip",), gzip.compress(PLAIN)),  # RFC 9110, 8.4.1.3: the same
        (("gzip",), gzip.compress(PLAIN[:9]) + gzip.compress(PLAIN[9:])),  # RFC 1952, 2.2: several members
        (("deflate",), zlib.compress(PLAIN)),
        (("deflate",), RAW_DEFLATE),  # what some servers send instead
        (("deflate", "gzip"), gzip.compress(zlib.compress(PLAIN))),  # applied in the order named
    ],
)
def test_a_coded_body_is_decoded(encodings: tuple[str, ...], body: bytes) -> None:
    assert decode(body, encodings, limit=len(PLAIN)) == PLAIN


@pytest.mark.parametrize(
    ("encodings", "body", "name"),
    [
        (("br",), b"x", "response: unknown content-encoding"),  # never asked for
        (("gzip", "gzip", "gzip"), b"x", "response: unknown content-encoding"),  # nobody means that
        (("gzip",), PLAIN, "response: bad content-encoding"),  # not gzip at all
        (("gzip",), gzip.compress(PLAIN)[:-1], "response: bad content-encoding"),  # its checksum is cut
        (("gzip",), gzip.compress(PLAIN) + b"junk", "response: bad content-encoding"),
        (("deflate",), zlib.compress(PLAIN) + b"junk", "response: bad content-encoding"),
        (("deflate",), b"\xff", "response: bad content-encoding"),
        (("gzip",), gzip.compress(PLAIN + b"x"), "response: body too large"),  # one byte over the limit
        (("gzip",), gzip.compress(PLAIN) + gzip.compress(b"x"), "response: body too large"),  # over in two members
    ],
)
def test_a_bad_coding_has_a_name(encodings: tuple[str, ...], body: bytes, name: str) -> None:
    with pytest.raises(ProtocolViolation) as violation:
        decode(body, encodings, limit=len(PLAIN))
    assert violation.value.name == name


def test_a_bomb_is_never_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolViolation):
            decode(bomb, ("gzip",), limit=100_000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
