"""What every scenario is given: cores, compiled programs, and how long to measure."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.programs import Program

__all__ = ["Bench", "Window"]


@dataclass(frozen=True)
class Window:
    """What a client and the target did between two looks at them."""

    seconds: float
    cpu: float
    """CPU seconds of the client."""
    counted: dict[str, int]
    """What the target counted in between."""


@dataclass
class Bench:
    """One run of the benchmarks."""

    server_core: int
    client_core: int
    folder: Path
    """Where the compiled programs are; thrown away at the end."""
    seconds: float = 4.0
    """How long a cost is measured, after a warm-up of a quarter of it."""

    @contextmanager
    def target(self) -> Iterator[tuple[Program, int]]:
        """A new target, and its port."""
        with Program([str(self.folder / "target")], self.server_core) as target:
            yield target, int(target.greeting.split()[1])

    def client(self, command: list[str]) -> Program:
        """A new client."""
        return Program(command, self.client_core)

    def reference(self, port: int) -> Program:
        """A new reference client."""
        return self.client([str(self.folder / "reference"), str(port)])

    def measure(self, client: Program, target: Program, *, seconds: float | None = None) -> Window:
        """Watch both for a while."""
        time.sleep(self.seconds / 4)
        before, cpu, began = target.ask("stats"), client.cpu, time.monotonic()
        time.sleep(self.seconds if seconds is None else seconds)
        after, used, elapsed = target.ask("stats"), client.cpu - cpu, time.monotonic() - began
        return Window(elapsed, used, {name: after[name] - before[name] for name in after})
