"""results/journal.py: what was written is read again, up to the first byte that is not as it was written."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.errors import JournalError
from loadtest.results import Record
from loadtest.results.journal import (
    HEAD,
    MAGIC,
    MAX_BODY,
    Ended,
    Enlisted,
    Entry,
    Lost,
    Reader,
    Resumed,
    Started,
    encode,
)

ENTRIES: list[Entry] = [
    Started("r1", "smoke", ["http://h"], "2026-01-01T00:00:00.000+00:00", 1.5e9, {"users": "u1"}, users=5),
    Enlisted("w1", 0, 0.0),
    Record("r1", "w1", 0, 0, 0, [], {"g": {"messages": 3}}, {}, {"g": {"users": 2}}, {"cpu": 0.1}),
    Lost("w1", 0, 7.5),
    Resumed(9.0),
    Ended(12.25),
]


def whole() -> bytes:
    return MAGIC + b"".join(encode(entry) for entry in ENTRIES)


def read(data: bytes, piece: int = 1 << 20) -> tuple[list[Entry], Reader]:
    reader = Reader()
    entries = [entry for at in range(0, len(data), piece) for entry in reader.feed(data[at : at + piece])]
    return entries, reader


@pytest.mark.parametrize("piece", [1, 2, 7, 1000])
def test_what_was_written_is_read_again_in_pieces_of_any_size(piece: int) -> None:
    entries, reader = read(whole(), piece)
    assert entries == ENTRIES
    assert reader.good == len(whole())
    assert not reader.damaged


@given(st.integers(len(MAGIC), len(whole()) - 1))
def test_a_torn_tail_is_recognised_at_every_byte_and_what_is_before_it_is_kept(cut: int) -> None:
    entries, reader = read(whole()[:cut])
    assert entries == ENTRIES[: len(entries)]
    assert reader.good == len(MAGIC) + sum(len(encode(entry)) for entry in entries)
    assert reader.good <= cut


@given(st.integers(len(MAGIC), len(whole()) - 1), st.integers(1, 255))
def test_a_damaged_byte_ends_the_journal_before_its_frame(at: int, flip: int) -> None:
    data = bytearray(whole())
    data[at] ^= flip
    entries, reader = read(bytes(data))
    assert entries == ENTRIES[: len(entries)]
    assert reader.good <= at


@given(st.binary(max_size=200))
def test_no_bytes_after_the_magic_raise_anything(junk: bytes) -> None:
    _, reader = read(MAGIC + junk)
    assert reader.good <= len(MAGIC) + len(junk)


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 something else",  # another kind of file
        MAGIC[:6] + b"\x02\n",  # the next version
        b"x",  # too short to tell, but already wrong
    ],
)
def test_what_is_no_journal_is_refused(data: bytes) -> None:
    with pytest.raises(JournalError, match="not the journal of a run"):
        read(data)


def test_an_absurd_length_is_damage_and_not_waited_for() -> None:
    _, reader = read(MAGIC + HEAD.pack(MAX_BODY + 1, 0))
    assert reader.damaged


@pytest.mark.parametrize("body", [b"\x92\xa5other\xc0", b"\x92\xa1\x80\xc0", b"", b"\xc1"])
def test_a_body_that_is_not_ours_is_damage_although_its_checksum_is_right(body: bytes) -> None:
    _, reader = read(MAGIC + HEAD.pack(len(body), zlib.crc32(body)) + body)
    assert reader.damaged
