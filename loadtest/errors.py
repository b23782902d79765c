"""Every exception this package raises on purpose, and what the process exits with.

LoadtestError
├── ProfileError        a profile cannot be used; carries every problem in it
├── UsageError          the command line or the environment asks for what cannot be done
├── TargetError         nothing answers at the target
├── WorkersError        no worker, or not enough of them, joined in time
├── WireError           a peer of the cluster sent something that is not a message of ours
├── JournalError        a run directory cannot be gone on with
├── ConnectFailed       a connection to the target could not be established
└── ProtocolViolation   a server broke the rules of HTTP or WebSocket
"""

from enum import IntEnum

__all__ = [
    "ConnectFailed",
    "ExitCode",
    "JournalError",
    "LoadtestError",
    "ProfileError",
    "ProtocolViolation",
    "TargetError",
    "UsageError",
    "WireError",
    "WorkersError",
]


class ExitCode(IntEnum):
    """What a run or a command ends with; `docs/results.md` has the same table."""

    PASS = 0
    """Every SLO held (or a command did what it was asked)."""
    FAIL = 1
    """At least one SLO was breached."""
    BAD_CONFIGURATION = 2
    """The profile, the command line or the environment is wrong; nothing was run."""
    INVALID = 3
    """The run cannot be judged: the generator was over a limit, a report is missing, or an SLO had no data."""
    NO_TARGET = 4
    """Nothing answers at the target, or no workers joined."""
    INTERRUPTED = 130
    """SIGINT or SIGTERM ended the run before its time."""


class LoadtestError(Exception):
    """The root of everything raised on purpose; `exit_code` is what a command ends with."""

    exit_code = ExitCode.BAD_CONFIGURATION


class ProfileError(LoadtestError):
    """A profile cannot be used. `problems` holds one printable line for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UsageError(LoadtestError):
    """The command line or the environment asks for something that cannot be done."""


class TargetError(LoadtestError):
    """Nothing answers at the target."""

    exit_code = ExitCode.NO_TARGET


class WorkersError(LoadtestError):
    """No worker, or fewer than asked for, joined in time."""

    exit_code = ExitCode.NO_TARGET


class WireError(LoadtestError):
    """A peer of the cluster sent something that is not a message of ours."""


class JournalError(LoadtestError):
    """A run cannot be gone on with: its journal is missing, another version's, or says that the run is over."""


class ConnectFailed(LoadtestError):
    """A connection could not be established.

    `name` is stable (no address, no id in it), so that it can be counted; `status` is the HTTP status of a refused
    upgrade; `ours` says that this machine and not the server was the limit (descriptors, local ports).
    """

    def __init__(self, name: str, *, status: int | None = None, ours: bool = False) -> None:
        super().__init__(name)
        self.name = name
        self.status = status
        self.ours = ours


class ProtocolViolation(LoadtestError):
    """A server broke the rules of HTTP or WebSocket; `name` is stable, so that it can be counted."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
