"""Child processes: started, listened to, waited for, and ended whatever happens. What their ends mean is `supervision`.

One thread, one selector: a line of a child, the end of a child and a signal to us all wake the same wait.
"""

import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from loadtest.cli.signals import Signals
from loadtest.clock import Clock, SystemClock
from loadtest.errors import UsageError

__all__ = ["Child", "Children", "Command", "Event", "Exited", "Interrupted", "Line", "Signalled", "ending"]

TETHER = Path(__file__).with_name("tether.py")
TERM_S = 5.0
TAIL_BYTES = 16384


class Interrupted(Exception):
    """A signal asks us to leave now."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to start. With `heard`, its standard output comes as Lines; else it goes to the log, as its errors do."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)
    heard: bool = False


@dataclass(slots=True, eq=False)
class Child:
    """A process that was started. `code` is None until its Exited, and negative (-signal) if a signal ended it."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]
    code: int | None = None
    partial: bytes = b""

    @property
    def running(self) -> bool:
        """Whether there may be events of it; its Exited is the last."""
        return self.code is None

    def tail(self, lines: int = 12) -> str:
        """Return the last lines of its log, below the log's name."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
                last = file.read().decode(errors="replace").rstrip().splitlines()[-lines:]
        except OSError as problem:
            return f"{self.log} can't be read: {problem.strerror}"
        return "\n".join([f"{self.log}:", *(f"  {line}" for line in last)]) if last else f"{self.log} is empty"


@dataclass(frozen=True, slots=True)
class Line:
    """A child printed a line."""

    child: Child
    text: str


@dataclass(frozen=True, slots=True)
class Exited:
    """A child ended; all its Lines came before."""

    child: Child


@dataclass(frozen=True, slots=True)
class Signalled:
    """A signal asks us to end."""

    number: signal.Signals


Event = Line | Exited | Signalled


def ending(code: int) -> str:
    """Say how a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


class Children:
    """The children of one command. Leaving the `with` block ends those that still run, in the order of their start.

    Signals are Signalled events meanwhile, so it must be entered in the main thread.
    """

    def __init__(self, logs: Path, *, patience: float = TERM_S, clock: Clock | None = None) -> None:
        self.logs = logs
        self.patience = patience
        """Seconds a child has between SIGTERM and SIGKILL."""
        self.all: list[Child] = []
        self._clock = clock or SystemClock()
        self._signals = Signals()
        self._selector = selectors.DefaultSelector()
        self._events: deque[Event] = deque()
        self._reaped: set[Child] = set()

    def __enter__(self) -> Self:
        self._signals.__enter__()
        self._selector.register(self._signals, selectors.EVENT_READ)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.end(self.running(), kill=kind is Interrupted)
        finally:
            self._selector.close()
            for child in self.all:
                if child.process.stdout is not None:
                    child.process.stdout.close()
            self._signals.__exit__(kind, error, trace)

    def start(self, command: Command) -> Child:
        """Start a process in a session of its own, so that the terminal's Ctrl-C reaches us alone.

        Raises UsageError if its log can't be written.
        """
        log = self.logs / f"{command.name}.log"
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            errors = log.open("ab")
        except OSError as problem:
            raise UsageError(f"{log} can't be written: {(problem.strerror or str(problem)).lower()}") from None
        with errors:
            process = subprocess.Popen(  # noqa: S603 - the caller's command, no shell
                [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), *command.argv],
                env=dict(command.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if command.heard else errors,
                stderr=errors,
                start_new_session=True,
            )
        child = Child(command.name, log, process)
        self.all.append(child)
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
            self._selector.register(process.stdout, selectors.EVENT_READ, child)
        return child

    def running(self) -> list[Child]:
        """Return the children that may have something to say."""
        return [child for child in self.all if child.running]

    def next_event(self, timeout: float | None) -> Event | None:
        """Wait for the next event, `timeout` seconds at most (None: as long as it takes)."""
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        while True:
            if not self._events:
                self._collect()
            if self._events:
                return self._delivered(self._events.popleft())
            left = None if deadline is None else deadline - self._clock.monotonic()
            if left is not None and left <= 0:
                return None
            for key, _ in self._selector.select(left):
                if isinstance(key.data, Child):
                    self._read(key.data)

    def events(self, seconds: float) -> Iterator[Event]:
        """Yield what happens in the next `seconds`."""
        deadline = self._clock.monotonic() + seconds
        while (event := self.next_event(max(0.0, deadline - self._clock.monotonic()))) is not None:
            yield event

    def pause(self, seconds: float) -> None:
        """Let time go by. Raises Interrupted at a signal."""
        for event in self.events(seconds):
            if isinstance(event, Signalled):
                raise Interrupted

    def wait_for(self, children: Iterable[Child], seconds: float) -> bool:
        """Wait until these have ended. Returns whether they have: time may be up, or a signal may have come."""
        pending = list(children)
        events = self.events(seconds)
        while any(child.running for child in pending):
            event = next(events, None)
            if event is None or isinstance(event, Signalled):
                return False
        return True

    def end(self, children: Iterable[Child], *, kill: bool = False) -> None:
        """End these: ask, wait for `patience` seconds (or until a signal comes), kill those that are left."""
        pending = list(children)
        if not kill:
            _send(pending, subprocess.Popen.terminate)
            self.wait_for(pending, self.patience)
        _send(pending, subprocess.Popen.kill)
        for child in pending:
            child.code = child.process.wait()  # nothing outlives SIGKILL

    @staticmethod
    def _delivered(event: Event) -> Event:
        if isinstance(event, Exited):
            event.child.code = event.child.process.returncode
        return event

    def _collect(self) -> None:
        """Turn what happened to us and to the children into events."""
        self._signals.clear()
        while self._signals.received:
            self._events.append(Signalled(self._signals.received.pop(0)))
        for child in self.running():
            if child.process.poll() is not None and child not in self._reaped:
                self._reaped.add(child)
                self._read(child, last=True)
                self._events.append(Exited(child))

    def _read(self, child: Child, *, last: bool = False) -> None:
        """Take what a child has printed. `last`: it has ended; a line without an end counts as well."""
        stream = child.process.stdout
        if stream is None or stream.closed:
            return
        data = _available(stream.fileno())
        while data:
            *lines, child.partial = (child.partial + data).split(b"\n")
            self._events.extend(Line(child, _text(line)) for line in lines)
            data = _available(stream.fileno()) if last else None
        if last or data == b"":
            if child.partial:
                self._events.append(Line(child, _text(child.partial)))
                child.partial = b""
            self._selector.unregister(stream)
            stream.close()


def _available(descriptor: int) -> bytes | None:
    """Read what is there now: nothing at the end, None if there may be more later."""
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return None


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")


def _send(children: Iterable[Child], signalling: Callable[[subprocess.Popen[bytes]], None]) -> None:
    for child in children:
        if child.running:
            signalling(child.process)
