"""Machine: the limits of one machine (or container) that workers run on, as far as they could be read."""

from dataclasses import dataclass

__all__ = ["Machine"]


@dataclass(frozen=True, slots=True)
class Machine:
    """None: there is no such limit, or it could not be read."""

    descriptors: int | None
    """Open files that one process may have: the hard limit, since workers raise the soft one to it."""
    ports: tuple[int, int] | None
    """The first and last local port that connections are given, both included."""
    memory: int | None
    """Bytes that are free to take."""
    memory_by: str
    """What bounds the memory: "this machine", or "the container's limit"."""
    cpus: float | None
    """Cores that may be used at once."""
    cpus_by: str
    conntrack: int | None
    """Connections that the kernel's connection tracking still has room for; None where it isn't loaded."""
    pids: int | None
    """Processes and threads that may still be started."""

    @property
    def port_count(self) -> int | None:
        """How many local ports there are for one address and port of a target."""
        return None if self.ports is None else self.ports[1] - self.ports[0] + 1
