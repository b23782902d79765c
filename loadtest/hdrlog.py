"""Histograms as an HdrHistogram log, which that project's own tools open. Text out, nothing in.

The log is its format 1.3; a histogram is its V2 encoding (HdrHistogram, EncodableHistogram and HistogramLogWriter):
counts in ZigZag LEB128, a run of empty buckets as one negative number, deflated, base64. Values are whole nanoseconds
with three digits, which its log processor turns to milliseconds unasked.
"""

import base64
import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator

from loadtest.histogram import HIGHEST_S, Histogram

__all__ = ["encode", "log"]

V2 = 0x1C849303 | 0x10
V2_DEFLATED = 0x1C849304 | 0x10
DIGITS = 3
PER_SECOND = 1_000_000_000
HIGHEST = int(HIGHEST_S) * PER_SECOND
_HEAD = struct.Struct(">iiiiqqd")
"""cookie, length of the counts, normalizing offset, digits, lowest, highest, ratio of integers to doubles"""


def log(started_at: float, intervals: Iterable[tuple[float, float, str, Histogram]]) -> Iterator[str]:
    """Lines of a log: a head, then one for each (start, length (both s of run time), tag, histogram) that has samples.

    `started_at` is the run's start in seconds since 1970.
    """
    yield "#[Histogram log format version 1.3]"
    yield f"#[StartTime: {started_at:.3f} (seconds since epoch)]"
    yield f"#[BaseTime: {started_at:.3f} (seconds since epoch)]"
    yield '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
    for start, length, tag, histogram in intervals:
        if histogram.count:
            most = (histogram.max or 0.0) * 1000
            yield f"Tag={_tag(tag)},{start:.3f},{length:.3f},{most:.3f},{encode(histogram)}"


def _tag(text: str) -> str:
    """A tag has no commas and no white space."""
    return re.sub(r"[\s,]+", "_", text) or "_"


def encode(histogram: Histogram) -> str:
    """A histogram as the tools read it: deflated V2, in base64."""
    counts: Counter[int] = Counter()
    for middle, count in histogram.buckets():
        counts[_index(round(middle * PER_SECOND))] += count
    body = b"".join(_counts(counts))
    head = _HEAD.pack(V2, len(body), 0, DIGITS, 1, HIGHEST, 1.0)
    deflated = zlib.compress(head + body)
    return base64.b64encode(struct.pack(">ii", V2_DEFLATED, len(deflated)) + deflated).decode("ascii")


def _index(value: int) -> int:
    """Where a value is counted: 2048 sub-buckets for three digits, of which the upper 1024 repeat at each doubling."""
    shift = max(0, value.bit_length() - 11)
    return (shift << 10) + (value >> shift)


def _counts(counts: Counter[int]) -> Iterator[bytes]:
    following = 0
    for index in sorted(counts):
        if index > following:
            yield _zigzag(following - index)
        yield _zigzag(counts[index])
        following = index + 1


def _zigzag(number: int) -> bytes:
    """ZigZag LEB128 of a 64-bit number, its ninth byte whole, as HdrHistogram's ZigZagEncoding has it."""
    rest = ((number << 1) ^ (number >> 63)) & 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while rest > 0x7F and len(out) < 8:  # noqa: PLR2004 - seven bits a byte, eight of them, then a whole one
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)
