"""A Record: what one worker saw in one second of the run. Small, sparse, and checked when it comes off the wire."""

from typing import Annotated, Any

import msgspec

from loadtest.errors import WireError
from loadtest.fanout import AudienceReport
from loadtest.histogram import Histogram

__all__ = ["Measured", "Record"]

Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Finite = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
"""No NaN, which would spread to whatever it is added to."""
Second = Annotated[int, msgspec.Meta(ge=0, le=31 * 24 * 3600)]
"""What is made of a run has a row for each second of it: one that tells of the year 3000 must not make billions."""
Step = Annotated[float, msgspec.Meta(ge=0, le=1)]
Text = Annotated[str, msgspec.Meta(max_length=512)]


class Measured(msgspec.Struct, frozen=True, array_like=True):
    """One series of one second.

    `count` is everything that was attempted, failures included; `histogram` (wire form) holds those with a time.
    """

    group: Text
    kind: Text
    measure: Text
    name: Text
    count: Count
    failures: Count
    size: Count
    histogram: list[Any] | None
    step: Step = 0
    """In what steps (s) the server tells the times that these were reckoned from, where those are coarse. One that is
    cut off makes a latency too long by up to a step, one that is rounded too short by up to half of one."""


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one worker saw in one second of a run.

    Identity: (run, worker, incarnation, serial). Serials of an incarnation run from 0 without a gap, so that a
    missing one shows; the last has `final` set. `second` is run time, never anybody's wall clock.
    """

    run: Text
    worker: Text
    incarnation: Count
    serial: Count
    second: Second
    series: list[Measured]
    counters: dict[Text, dict[Text, Count]]
    """group -> name -> how many in this second."""
    errors: dict[Text, dict[Text, Count]]
    """group -> stable error name -> how many in this second."""
    gauges: dict[Text, dict[Text, Count]]
    """group -> name (users, open) -> the state at the end of this second."""
    health: dict[Text, Finite]
    """cpu (share of one core), lag_max (s), descriptors, clock_error (s)."""
    final: bool = False
    fanout: list[AudienceReport] = []
    """What each audience of broadcasts got; left out where there is none."""
    endings: dict[Text, dict[Text, Count]] = {}
    """group -> what became of connections and why ("failed: connect: HTTP 503") -> how many in this second."""

    @property
    def key(self) -> tuple[str, int, int]:
        """What makes a Record of a run itself: (worker, incarnation, serial)."""
        return (self.worker, self.incarnation, self.serial)

    def to_wire(self) -> Any:
        """Plain lists, dicts and numbers, as msgpack carries them."""
        return msgspec.to_builtins(self)

    @classmethod
    def from_wire(cls, wire: Any) -> "Record":
        """Read what a worker sent.

        Raises:
            WireError: it is not a Record, or a histogram in it is malformed.
        """
        try:
            record = msgspec.convert(wire, cls)
        except (msgspec.ValidationError, RecursionError) as problem:
            raise WireError(f"not a Record: {problem}") from None
        for measured in record.series:
            if measured.histogram is not None:
                Histogram.from_wire(measured.histogram)
        return record
