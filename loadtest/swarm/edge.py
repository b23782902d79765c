"""What the callbacks on gevent's hub share: names for lost connections, and what to do with a bug."""

import errno
import logging

__all__ = ["INTERNAL", "READ_BYTES", "RESET", "TIMED_OUT", "lost", "report"]

READ_BYTES = 64 * 1024
"""Read at most this much from one connection in one turn of the loop, so that a burst cannot starve the others."""

INTERNAL = "internal error"
RESET = "connection reset"
TIMED_OUT = "connection timed out"
UNREACHABLE = "connection lost: unreachable"
REASONS = {
    errno.ECONNRESET: RESET,
    errno.EPIPE: RESET,
    errno.ECONNABORTED: RESET,
    errno.ETIMEDOUT: TIMED_OUT,
    errno.EHOSTUNREACH: UNREACHABLE,
    errno.ENETUNREACH: UNREACHABLE,
    errno.ENETDOWN: UNREACHABLE,
}

log = logging.getLogger(__name__)
_logged: set[str] = set()


def lost(exc: OSError) -> str:
    """The stable name for what ended an established connection."""
    return REASONS.get(exc.errno or 0, "connection lost")


def report(exc: Exception) -> str:
    """Log a bug of ours, once for each kind (there may be thousands of connections), and return its stable name."""
    name = f"{INTERNAL}: {type(exc).__name__}"
    if name not in _logged:
        _logged.add(name)
        log.error("a connection was ended by an error of ours; others of its kind are not logged", exc_info=exc)
    return name
