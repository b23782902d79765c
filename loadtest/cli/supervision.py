"""A master and its workers, watched from their start to the master's exit code. What they do is not known here."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from loadtest.cli.processes import Child, Children, Exited, Interrupted, Line, Signalled, ending
from loadtest.cli.world import World
from loadtest.clock import Clock, SystemClock
from loadtest.errors import ExitCode

__all__ = ["Patience", "Supervision"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds."""

    notice: float = 15.0
    """A worker that ended with exit code 0 this long before the master has left early: a run's end looks the same."""
    drain: float = 120.0
    """For a master that ends because no worker is left. If the user asked it to, it has all the time it wants."""
    leave: float = 10.0
    """For workers to go after the master has."""


class Lines:
    """No view: every line of the master is for people."""

    def take(self, line: str) -> bool:  # noqa: ARG002 - Drawing's signature
        """Leave it."""
        return False

    def pause(self) -> None:
        """Nothing is drawn."""


class Drawing(Protocol):
    """What may take lines of the master and draw them."""

    def take(self, line: str) -> bool:
        """Draw what a line says; False if it is one for people."""

    def pause(self) -> None:
        """Make room for lines."""


class Supervision:
    """Passes the master's lines on, reports workers that die, and hands signals to the master.

    The first signal ends the run in order, the second ends everything.
    """

    def __init__(
        self,
        children: Children,
        master: Child,
        workers: list[Child],
        world: World,
        *,
        patience: Patience | None = None,
        clean: Callable[[str], str] = str,
        clock: Clock | None = None,
    ) -> None:
        self.view: Drawing = Lines()
        self.children = children
        self.master = master
        self.workers = workers
        self.world = world
        self.patience = patience or Patience()
        self.clean = clean
        self.clock = clock or SystemClock()
        self.asked = False
        """A signal came."""
        self.abandoned = False
        """We asked the master to end: it had too few workers."""
        self.early: list[Child] = []
        """Workers that failed before the master ended."""
        self._begun = False
        self._left: dict[Child, float] = {}
        self._deadline: float | None = None

    def run(self) -> int:
        """Return the master's exit code, after the workers have gone as well. Raises Interrupted at a second signal."""
        try:
            self._watch()
        finally:
            self.view.pause()
        self.world.stdout.flush()
        if not self.children.wait_for(self.workers, self.patience.leave):
            self.children.end(self.workers)
        return self.master.code if self.master.code is not None else -1

    def _watch(self) -> None:
        while self.master.running:
            event = self.children.next_event(self._timeout())
            match event:
                case Line(child=child, text=text) if child is self.master:
                    self._begun = True
                    if not self.view.take(text):
                        self.view.pause()
                        self.world.say(text)
                case Exited(child=child) if child is not self.master:
                    self._on_exit(child)
                case Signalled(number=number):
                    self._on_signal(number.name)
                case None:
                    self._on_time()
                case _:
                    pass

    def _timeout(self) -> float | None:
        times = [moment + self.patience.notice for moment in self._left.values()]
        times += [] if self._deadline is None else [self._deadline]
        return max(0.0, min(times) - self.clock.monotonic()) if times else None

    def _on_exit(self, child: Child) -> None:
        if child in self.workers and child.code == 0:
            self._left[child] = self.clock.monotonic()
        else:
            self._report(child)

    def _on_time(self) -> None:
        now = self.clock.monotonic()
        due = [child for child, moment in self._left.items() if moment + self.patience.notice <= now]
        if due and not any(worker.running for worker in self.workers):
            due = list(self._left)  # all before the run is ended for it
        for child in due:
            del self._left[child]
            self._report(child)
        if self._deadline is not None and self._deadline <= now:
            self._deadline = None
            self._warn(f"the master has not ended {self.patience.drain:g} s after it was asked to, and is killed")
            self.children.end([self.master], kill=True)

    def _report(self, child: Child) -> None:
        self._warn(f"{child.name} ended early ({ending(child.code or 0)})\n{self._tail(child)}")
        if child not in self.workers or self.asked or self.abandoned:
            return
        self.early.append(child)
        if not any(worker.running for worker in self.workers):
            self._abandon("no worker is left")
        elif not self._begun and (child.code or 0) > 0:
            # The master would wait for it, and it would fail again.
            self._abandon("not every worker could start")

    def _abandon(self, why: str) -> None:
        self.abandoned = True
        self._deadline = self.clock.monotonic() + self.patience.drain
        self._warn(f"{why}: the run is ended")
        self.master.process.terminate()

    def _on_signal(self, name: str) -> None:
        if self.asked:
            self._warn("leaving at once")
            raise Interrupted
        self.asked = True
        self._warn(f"{name}: ending the run and waiting for its result; once more leaves at once")
        with suppress(ProcessLookupError):
            self.master.process.terminate()

    def _warn(self, text: str) -> None:
        self.view.pause()
        self.world.warn(text)

    def _tail(self, child: Child) -> str:
        return self.clean(child.tail())

    def verdict(self, code: int, *, has_result: bool) -> tuple[ExitCode, str | None]:
        """Return what we exit with and, if that needs one, a sentence. `code` is the master's.

        `has_result`: it has left one. Without, its code says less than it seems to: Python ends with 1 after any
        exception, which would be a breached SLO.
        """
        how = f"the master ended without a result ({ending(code)})"
        tail = f"\n{self._tail(self.master)}"
        if not has_result and (self.abandoned or (code == ExitCode.FAIL and self.early)):
            return ExitCode.NO_TARGET, "the run was not done: fewer workers than asked for could take part"
        if self.abandoned and code == ExitCode.INTERRUPTED:
            return ExitCode.NO_TARGET, None
        if self.asked and (code < 0 or (not has_result and code in (ExitCode.PASS, ExitCode.FAIL))):
            return ExitCode.INTERRUPTED, how
        if code not in set(ExitCode):
            return ExitCode.INVALID, f"the master failed ({ending(code)})" + tail
        if has_result or code == ExitCode.INTERRUPTED:
            return ExitCode(code), None
        return (ExitCode.INVALID if code in (ExitCode.PASS, ExitCode.FAIL) else ExitCode(code)), how + tail
