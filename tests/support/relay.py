"""A TCP relay that stands for the network between a worker and its master: it can stall, be slow, and break."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self


class Relay:
    """Forwards what comes to `port` to `target` on this machine, each way `delay` seconds late, unless it is cut."""

    def __init__(self, target: int, delay: float = 0.0) -> None:
        self.target = target
        self.delay = delay
        self.carried = bytearray()
        """What went through, both ways, in the order of reading."""
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._flows = asyncio.Event()
        self._loses = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def cut(self) -> None:
        """Forward nothing any more. Connections stay, as they do when a link is down."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def heal(self) -> None:
        """Forward again, what was held back first, as TCP would."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def lose(self) -> None:
        """Take what comes and pass none of it on, as a connection does that neither end knows yet to be dead."""
        self._loses = True

    def break_off(self) -> None:
        """End all connections at once, for good: what was lost stays so. New ones are forwarded."""

        def end() -> None:
            for writer in self._writers:
                writer.transport.abort()
            self._loses = False

        self._loop.call_soon_threadsafe(end)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flows.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def read() -> None:
            data = b"x"
            while data:
                with suppress(OSError):
                    data = await reader.read(65536)
                self.carried += data
                await queue.put((self._loop.time() + self.delay, data))

        reading = self._loop.create_task(read())
        self._writers.add(writer)
        with suppress(OSError):
            while True:
                due, data = await queue.get()
                await asyncio.sleep(due - self._loop.time())
                await self._flows.wait()
                if not data:
                    break
                if self._loses:
                    continue
                writer.write(data)
                await writer.drain()
        reading.cancel()
        self._writers.discard(writer)
        writer.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self.heal()
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            if self._server is not None:
                self._server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
