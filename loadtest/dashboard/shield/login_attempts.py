"""How often somebody may try to log in: from one address, and all together. Bounded, whoever tries."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

__all__ = ["Attempts", "Rate", "owner_of"]

MOST_ADDRESSES = 1024
"""Addresses that are remembered; the one that was silent for longest is forgotten."""
PREFIX = 64
"""Bits of an IPv6 address that name who has it: the rest is its owner's to choose."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and one more every so many seconds."""

    burst: int
    every_s: float


EACH = Rate(5, 10.0)
ALL = Rate(40, 1.0)


class _Bucket:
    """A token bucket: full at first, refilled as time goes by."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = float(rate.burst)
        self._at = now

    def wait(self, now: float) -> float:
        """Return the seconds until there is one; 0: there is."""
        self._left = min(self._rate.burst, self._left + (now - self._at) / self._rate.every_s)
        self._at = now
        return max(0.0, (1.0 - self._left) * self._rate.every_s)

    def take(self, count: float = 1.0) -> None:
        """Take one, or put it back (-1)."""
        self._left = min(self._rate.burst, self._left - count)


class Attempts:
    """Counts attempts that fail. `now` is monotonic, in seconds."""

    def __init__(self, now: Callable[[], float], each: Rate = EACH, everybody: Rate = ALL) -> None:
        self._now = now
        self._each = each
        self._everybody = _Bucket(everybody, now())
        self._by_address: OrderedDict[str, _Bucket] = OrderedDict()

    def begin(self, address: str | None) -> float:
        """Count an attempt, before it is looked at. Returns 0, or the seconds to wait: then it must not be."""
        now = self._now()
        own = self._bucket(address)
        wait = max(own.wait(now), self._everybody.wait(now))
        if wait == 0.0:
            own.take()
            self._everybody.take()
        return wait

    def succeeded(self, address: str | None) -> None:
        """Take the attempt back."""
        self._bucket(address).take(-1)
        self._everybody.take(-1)

    def _bucket(self, address: str | None) -> _Bucket:
        key = owner_of(address)
        bucket = self._by_address.pop(key, None) or _Bucket(self._each, self._now())
        self._by_address[key] = bucket
        while len(self._by_address) > MOST_ADDRESSES:
            self._by_address.popitem(last=False)
        return bucket


def owner_of(address: str | None) -> str:
    """Name who has an address: all of IPv4, the network of IPv6."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return parsed.packed[: PREFIX // 8].hex()
    return str(parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else str(parsed)
