"""Who is logged in. A session's id is known to its browser alone: here is its hash."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["LIFETIME_S", "Session", "Sessions"]

LIFETIME_S = 12 * 3600.0
"""From its login on, however busy it is."""
MOST = 1000
"""Sessions at a time; the oldest ends."""
ID_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's login. `ends` is in the seconds of the clock that Sessions has."""

    user: str
    ends: float
    token: str = field(repr=False)
    """Goes with every request that changes something, as proof that the page's own script sent it."""

    def vouches(self, token: str | None) -> bool:
        """Whether this is its token."""
        return token is not None and hmac.compare_digest(token.encode(errors="replace"), self.token.encode())


class Sessions:
    """All of them. `now` is monotonic, in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._open: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, user: str) -> str:
        """Return the id of a new session."""
        self._forget_ended()
        identity = secrets.token_urlsafe(ID_BYTES)
        self._open[_key(identity)] = Session(user, self._now() + LIFETIME_S, secrets.token_urlsafe(ID_BYTES))
        while len(self._open) > MOST:
            self._open.popitem(last=False)
        return identity

    def find(self, identity: str | None) -> Session | None:
        """Return the session that a browser says it has, if it has it."""
        session = self._open.get(_key(identity)) if identity else None
        return session if session is not None and session.ends > self._now() else None

    def end(self, identity: str | None) -> None:
        """End it, if there is one."""
        if identity:
            self._open.pop(_key(identity), None)

    def left_s(self, session: Session) -> float:
        """Return the seconds that it has left."""
        return max(0.0, session.ends - self._now())

    def _forget_ended(self) -> None:
        now = self._now()
        while self._open and next(iter(self._open.values())).ends <= now:
            self._open.popitem(last=False)


def _key(identity: str) -> bytes:
    return hashlib.sha256(identity.encode(errors="replace")).digest()
