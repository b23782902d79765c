"""Whether anything answers at the target, asked before a run starts. No request is sent: only TCP is tried."""

import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from loadtest.clock import Clock, SystemClock
from loadtest.errors import TargetError

__all__ = ["await_targets"]

PATIENCE_S = 5.0
RETRY_S = 0.25
CONNECT_S = 2.0
PORTS = {"http": 80, "https": 443}


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS[parts.scheme]


def _problem(url: str) -> str | None:
    """Connect once. Returns why that failed, or None."""
    host, port = _address(url)
    try:
        socket.create_connection((host, port), CONNECT_S).close()
    except ConnectionRefusedError:
        return f"{host} port {port}: connection refused"
    except TimeoutError:
        return f"{host} port {port}: no answer within {CONNECT_S:g} s"
    except socket.gaierror as problem:
        return f"the name {host} is not known: {(problem.strerror or '').lower()}"
    except (OSError, UnicodeError) as problem:
        reason = (getattr(problem, "strerror", None) or str(problem)).lower()
        return f"{host} port {port}: {reason}"
    return None


def await_targets(
    urls: Iterable[str], pause: Callable[[float], None], patience: float = PATIENCE_S, clock: Clock | None = None
) -> None:
    """Return when each URL was connected to; `pause(seconds)` spends the time between two attempts.

    Raises TargetError for those that have not answered after `patience` seconds.
    """
    clock = clock or SystemClock()
    deadline = clock.monotonic() + patience
    silent = dict.fromkeys(urls, "")
    while True:
        silent = {url: problem for url in silent if (problem := _problem(url))}
        if not silent:
            return
        if clock.monotonic() + RETRY_S > deadline:
            break
        pause(RETRY_S)
    tried = "\n".join(f"  {url} ({problem})" for url, problem in silent.items())
    raise TargetError(
        f"nothing answers at the target, tried for {patience:g} s:\n{tried}\n"
        "Is the server running, and does it listen on that address and port? --target (or LOADTEST_TARGET) names"
        " another target; --target demo starts the built-in backend."
    )
