"""One subscriber: what is published to it goes through faults and its queue to its socket, or is dropped.

Each step is counted, and everything that writes is a plain function called from the event loop, so that nothing
happens between a decision and its count.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Protocol

from backend.delays import DelayLine
from backend.faults import MessageEffect
from backend.settings import Settings
from backend.stats import ConnectionRecord
from backend.wire import binary_frame

__all__ = ["Broadcast", "Socket", "Subscriber"]

HEARTBEAT = binary_frame(b"ping")


class Socket(Protocol):
    """What a subscriber needs of its connection; `backend.wire.WebSocket` is one."""

    @property
    def writable(self) -> bool:
        """Whether the client keeps up."""

    async def wait_writable(self) -> None:
        """Wait until it has caught up, or is gone."""

    def write(self, frame: bytes) -> bool:
        """Write one message, or tell that it was not written."""

    def cut(self) -> None:
        """End the TCP stream with no Close."""

    async def close(self, code: int) -> None:
        """Send a Close as soon as the client has caught up."""

    def abort(self) -> None:
        """Drop the connection and what waits to be sent."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One message to all subscribers of a channel."""

    frame: bytes
    published: float
    """When (s, `time.monotonic`): what injected delays count from."""


class Subscriber:
    """One accepted connection, from its first message to its last."""

    def __init__(self, record: ConnectionRecord, socket: Socket, settings: Settings, line: DelayLine) -> None:
        self.record = record
        self._counts = record.counts
        self._socket = socket
        self._settings = settings
        self._line = line
        self._queue: deque[bytes] = deque()
        self._swapping: list[bytes] = []
        self._in_line = 0
        self._line_due = 0.0
        self._over = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        self._heartbeat_waits = False
        self._timer = asyncio.get_running_loop().call_later(settings.heartbeat_interval, self._beat)

    @property
    def id(self) -> int:
        """The connection's number, from 1."""
        return self.record.id

    def publish(self, broadcast: Broadcast, effect: MessageEffect | None) -> None:
        """Take one broadcast, and do to it what a fault says."""
        self._counts.published += 1
        if effect is None and not self._in_line and not self._swapping:
            self._enqueue(broadcast.frame)
        else:
            self._publish_faulty(broadcast, effect or MessageEffect())
        self._count_waiting()

    def send_status(self, frame: bytes) -> None:
        """Write a status message at once; a client that doesn't keep up isn't told."""
        if not self._over and self._socket.writable and self._socket.write(frame):
            self._counts.status += 1

    def leave(self) -> None:
        """End: the connection is closed, and what still waits was never written."""
        self._over = True
        self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        self._drop(len(self._queue) + len(self._swapping) + self._in_line, "closed")
        self._queue.clear()
        self._swapping.clear()
        self._in_line = 0
        self._count_waiting()

    def _drop(self, messages: int, reason: str) -> None:
        if messages:
            self._counts.dropped[reason] += messages

    def _count_waiting(self) -> None:
        self.record.waiting = len(self._queue) + len(self._swapping) + self._in_line

    def _publish_faulty(self, broadcast: Broadcast, effect: MessageEffect) -> None:
        counts = self._counts
        if effect.cut and not self._over:
            self._drop(1, "cut")
            self._close(effect.close_code, "cut")
            return
        if effect.dropped:
            self._drop(1, "fault")
            return
        frames = [broadcast.frame] * (1 + effect.copies)
        counts.duplicated += effect.copies
        if effect.swapped and not self._swapping:
            self._swapping = frames
            return
        if self._swapping:
            frames += self._swapping
            self._swapping = []
            counts.swapped += 1
        counts.delayed += effect.delay > 0
        counts.delay_s += effect.delay
        counts.stalled += effect.stall > 0
        hold = effect.delay + effect.stall
        if not hold and not self._in_line:
            for frame in frames:
                self._enqueue(frame)
            return
        self._line_due = max(self._line_due, broadcast.published + hold)
        for frame in frames:
            self._in_line += 1
            self._line.push(self._line_due, self._leave_line, frame)

    def _leave_line(self, frame: bytes) -> None:
        if not self._over:
            self._in_line -= 1
            self._enqueue(frame)
            self._count_waiting()

    def _enqueue(self, frame: bytes) -> None:
        if self._over:
            self._drop(1, "closed")
        elif not self._queue and self._socket.writable:
            self._write(frame)
        else:
            if len(self._queue) >= self._settings.queue_size:
                self._queue.popleft()
                self._drop(1, "queue_full")
            self._queue.append(frame)
            self._start_draining()

    def _write(self, frame: bytes) -> None:
        if self._socket.write(frame):
            self._counts.written += 1
        else:
            self._drop(1, "closed")

    def _start_draining(self) -> None:
        if not self._draining:
            self._draining = True
            self._spawn(self._drain())

    async def _drain(self) -> None:
        """Write what waits whenever the client has caught up."""
        while not self._over and (self._queue or self._heartbeat_waits):
            await self._socket.wait_writable()
            if self._over:
                break
            if self._heartbeat_waits:
                self._write_heartbeat()
            elif self._queue:
                self._write(self._queue.popleft())
                self._count_waiting()
        self._draining = False

    def _beat(self) -> None:
        """Write a heartbeat now or when the client has caught up; if that takes too long, give the client up."""
        if self._socket.writable:
            self._write_heartbeat()
            return
        self._heartbeat_waits = True
        self._start_draining()
        self._timer = asyncio.get_running_loop().call_later(self._settings.heartbeat_timeout, self._give_up)

    def _write_heartbeat(self) -> None:
        self._timer.cancel()
        self._heartbeat_waits = False
        self._counts.heartbeats += self._socket.write(HEARTBEAT)
        self._timer = asyncio.get_running_loop().call_later(self._settings.heartbeat_interval, self._beat)

    def _give_up(self) -> None:
        self._over = True
        self.record.why = "heartbeat timeout"
        self._socket.abort()

    def _close(self, code: int | None, why: str) -> None:
        """Close with a code, or with no Close at all; from here on nothing is written."""
        self._over = True
        self.record.why = why
        if code is None:
            self._socket.cut()
        else:
            self._spawn(self._socket.close(code))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
