"""Records on their way to those who follow a run, kept back until they are ready for them."""

from collections.abc import Callable, Iterable

from loadtest.results import Record

__all__ = ["Gate"]


class Gate:
    """Passes each Record on to every listener; while it is shut, keeps them."""

    def __init__(self, listeners: list[Callable[[Record], None]]) -> None:
        self.listeners = listeners
        self._kept: list[Record] | None = None

    def shut(self) -> None:
        """Keep what comes from now on."""
        self._kept = []

    def open(self, first: Iterable[Record]) -> None:
        """Pass on `first`, then what was kept, then all that comes."""
        kept, self._kept = self._kept or [], None
        for records in (first, kept):
            for record in records:
                self.announce(record)

    def announce(self, record: Record) -> None:
        """A Record that is new to everybody."""
        if self._kept is not None:
            self._kept.append(record)
            return
        for listener in self.listeners:
            listener(record)
