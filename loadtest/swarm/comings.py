"""When a subscriber's session ends if it is up to us, and when the next one begins. Draws and arithmetic only."""

import random
from collections.abc import Callable

from loadtest.profiles import Session

__all__ = ["Comings"]


class Comings:
    """One group's comings and goings on one worker; `elapsed` gives seconds of run time."""

    def __init__(self, session: Session, elapsed: Callable[[], float]) -> None:
        self._session = session
        self._elapsed = elapsed
        self._random = random.Random()

    def seed(self, text: str) -> None:
        """Draw from here on as anyone would with this text."""
        self._random.seed(text)

    def ends_in(self) -> float | None:
        """Seconds until a session that begins now is closed by us; None: not by time."""
        session = self._session
        ends = []
        if session.length is not None:
            ends.append(self._random.uniform(*session.length))
        if session.cut_every is not None:
            ends.append(self._next_cut_in(session.cut_every))
        return min(ends, default=None)

    def _next_cut_in(self, every: float) -> float:
        """Seconds to the next multiple of `every` in run time: the same moment on all workers."""
        return every - self._elapsed() % every

    def next_in(self, *, full: bool) -> float:
        """Seconds from the end of a session to the next one: at once, or (`full`) with the others at the next cut."""
        every = self._session.cut_every
        return self._next_cut_in(every) if full and every is not None else 0.0

    def backoff(self, failures: int) -> float:
        """Seconds to wait after the n-th failure in a row: exponential, with the profile's jitter.

        Full jitter draws from 0 up to the ceiling ("Exponential Backoff And Jitter", M. Brooker, 2015), so that clients
        that failed together do not come back together.
        """
        reconnect = self._session.reconnect
        if reconnect is False:
            return 0.0
        least, most = reconnect.backoff
        ceiling = min(most, least * 2 ** min(failures - 1, 32))
        return self._random.uniform(0.0, ceiling) if reconnect.jitter == "full" else ceiling
