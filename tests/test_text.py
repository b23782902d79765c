import pytest

from loadtest.text import valid_utf8


@pytest.mark.parametrize(
    ("payload", "valid"),
    [
        (b"", True),  # an empty message is text
        (b'{"a": 1}', True),  # ASCII
        ("Cổ phiếu €".encode(), True),  # two and three bytes a character
        (b"\xf0\x9f\x93\x88", True),  # four
        (b"\xe2\x82", False),  # a character without its end
        (b"\xc0\x80", False),  # overlong (RFC 3629, 3)
        (b"\xed\xa0\x80", False),  # a surrogate
        (b"\xf4\x90\x80\x80", False),  # above U+10FFFF
        (b"ok\xff", False),  # never a byte of UTF-8
    ],
)
def test_text_is_what_rfc_3629_allows(payload: bytes, valid: bool) -> None:  # noqa: FBT001 - a table
    assert valid_utf8(payload) is valid
