"""A cluster on this machine as commands: what the master and the workers are started with. Nothing is started here."""

import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtest.cli.page_tls import tls_options
from loadtest.cli.processes import Command
from loadtest.credentials import WEB_SECRETS
from loadtest.errors import UsageError

__all__ = ["HOST", "Cluster", "locust", "require_free", "reserved_port"]

HOST = "127.0.0.1"
LOCUSTFILE = Path(__file__).parents[1] / "locustfile.py"
JOIN_S = 60
"""How long the master waits for its workers, in whole seconds."""


def locust(*options: str) -> tuple[str, ...]:
    """Return the command for Locust with our locustfile; -P keeps the current directory off Python's path."""
    return (sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), *options)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A master and its workers. With `web` (a port) it has the page, and `starts` says whether the run waits for it."""

    workers: int
    port: int
    web: int | None = None
    starts: bool = True

    def master(self, environ: Mapping[str, str]) -> Command:
        """Return the master's command."""
        options = ["--master", "--master-bind-host", HOST, "--master-bind-port", str(self.port)]
        options += ["--expect-workers", str(self.workers)]
        if self.web is None:
            options += ["--headless", "--only-summary"]
        else:
            options += ["--web-host", HOST, "--web-port", str(self.web), *tls_options(environ)]
            options += ["--autostart", "--autoquit", "0"] if self.starts else []
        if self.starts:
            options += ["--expect-workers-max-wait", str(JOIN_S)]
        return Command("master", locust(*options), _unbuffered(environ), heard=True)

    def worker(self, number: int, environ: Mapping[str, str]) -> Command:
        """Return the command of one worker; they are counted from 1."""
        # what the page's login takes is not its business
        hidden = {name + end for name in WEB_SECRETS for end in ("", "_FILE")}
        environ = {name: value for name, value in environ.items() if name not in hidden}
        options = ("--worker", "--master-host", HOST, "--master-port", str(self.port))
        return Command(f"worker-{number}", locust(*options), _unbuffered(environ))


def _unbuffered(environ: Mapping[str, str]) -> dict[str, str]:
    return {**environ, "PYTHONUNBUFFERED": "1"}


@contextmanager
def reserved_port() -> Iterator[int]:
    """Yield a port that nobody else is given until the end: neither as a free one nor for a connection going out.

    A port that was merely found free could be gone when the master binds it, not least to one of the backend's
    thousands of connections. Linux lets a second socket with SO_REUSEADDR (ZeroMQ sets it) listen on a port that the
    first one has bound and does not listen on.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, 0))
        port = holder.getsockname()[1]
        if sys.platform != "linux":
            holder.close()
        yield port


def require_free(
    port: int, what: str = "the web page", remedy: str = "--web PORT names another", host: str = HOST
) -> None:
    """Raise UsageError if `what` can't have its port; `remedy` says what to do then."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            reason = (problem.strerror or str(problem)).lower()
            raise UsageError(f"{what} can't have port {port}: {reason}; {remedy}") from None
