"""A link that logs one browser in, once: for a page that others can reach and that nobody has a password for."""

import secrets
from collections.abc import Callable

from loadtest.dashboard.shield.login_proof import Token

__all__ = ["VALID_S", "Link"]

VALID_S = 900.0
PAUSE_S = 60.0
"""Between two links that are written: a stranger who asks for more must not fill the log."""
CODE_BYTES = 32


class Link:
    """The code of the one link that is good now. `now` is monotonic, in seconds; `tell` gives a code to the owner."""

    def __init__(self, now: Callable[[], float], tell: Callable[[str], None]) -> None:
        self._now = now
        self._tell = tell
        self._code: Token | None = None
        self._made = -VALID_S
        self.renew(at_once=True)

    @property
    def good(self) -> bool:
        """Whether there is one that was not used and is not too old."""
        return self._code is not None and self._now() - self._made < VALID_S

    def renew(self, *, at_once: bool = False) -> None:
        """Write a new one, unless the last one is still good or was written a moment ago."""
        if not at_once and (self.good or self._now() - self._made < PAUSE_S):
            return
        code = secrets.token_urlsafe(CODE_BYTES)
        self._code, self._made = Token(code), self._now()
        self._tell(code)

    def use(self, code: str) -> bool:
        """Whether this is the good one; it is not good any more then."""
        if not self.good or self._code is None or not self._code.fits(code):
            return False
        self._code = None
        return True
