"""Where a time's bucket is, in HdrHistogram's layout (G. Tene): seconds in, an index out, and back.

Times are kept in units of 10 ns, with 2048 sub-buckets: a bucket is at most 1/1024 of its value wide.
"""

__all__ = ["HIGHEST_S", "PER_SECOND", "UNIT_S", "index_of", "middle_of"]

UNIT_S = 1e-8
"""One unit in seconds."""
PER_SECOND = 1e8
HIGHEST_S = 600.0
"""Longer times are recorded as this, and counted as clamped."""


def index_of(seconds: float) -> int:
    """The bucket of a time in range."""
    value = int(seconds * PER_SECOND + 0.5)
    shift = max(0, value.bit_length() - 11)
    return (shift << 10) + (value >> shift)


def middle_of(index: int) -> float:
    """The middle of a bucket, in seconds."""
    if index < 2048:  # noqa: PLR2004 - the first 2048 buckets are one unit wide
        return index / PER_SECOND
    shift = (index >> 10) - 1
    low = ((index & 1023) + 1024) << shift
    return (low + (1 << shift) / 2) / PER_SECOND
