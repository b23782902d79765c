"""How a group of slow consumers reads. How that is done is swarm's."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pydantic import Field

from loadtest.profiles.rates import Rate
from loadtest.profiles.section import Section
from loadtest.profiles.values import Duration, Size, parse_duration

__all__ = ["Read"]


class Read(Section):
    """How a slow consumer reads: any of these, or several together."""

    rate: Rate | None = Field(None, description="So many messages each subscriber takes; the rest waits at the server.")
    pause: Duration | None = Field(None, description="Read nothing for this long, at the end of each `every`.")
    every: Duration | None = Field(None, description="How often it pauses, counted from its connection's beginning.")
    buffer: Size | None = Field(
        None, description="The kernel's receive buffer (SO_RCVBUF) of each connection; left out: the system's."
    )

    @classmethod
    def contradictions(cls, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Find a mapping that says nothing, half a pause, and a pause without end."""
        if not given:
            yield "", "needs rate, buffer, or pause and every; left out, the group reads as fast as it can"
        for key, other in (("pause", "every"), ("every", "pause")):
            if key in given and other not in given:
                yield key, f"needs {other} beside it, such as read: {{pause: 5s, every: 30s}}"
        if "pause" in given and "every" in given:
            with suppress(ValueError):  # told of the key itself
                if parse_duration(given["pause"]) >= parse_duration(given["every"]):
                    yield "pause", "must be shorter than every, or nothing is ever read"
