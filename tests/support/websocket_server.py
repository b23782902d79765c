"""A well-behaved WebSocket server, by the websockets library's asyncio side; run as a process of its own.

`/echo` sends back what comes, `/push?N` sends N numbered messages and closes with 4000, `/tick` sends one every 20 ms.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from subprocess import PIPE, Popen

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

__all__ = ["running"]


async def handle(connection: ServerConnection) -> None:
    assert connection.request is not None
    path, _, argument = connection.request.path.partition("?")
    try:
        if path == "/push":
            for number in range(int(argument)):
                await connection.send(f"message {number}")
            await connection.close(4000, "that was all")
        elif path == "/tick":
            while True:
                await connection.send("tick")
                await asyncio.sleep(0.02)
        else:
            async for message in connection:
                await connection.send(message)
    except ConnectionClosed:
        pass


def choose(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return next((name for name in offered if name == "text"), None)


async def main() -> None:
    async with serve(handle, "127.0.0.1", 0, select_subprotocol=choose, max_size=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)  # noqa: T201 - whoever started it reads it
        await server.serve_forever()


@contextmanager
def running() -> Iterator[str]:
    """The server's ws:// URL, without a path, while the block runs."""
    with Popen([sys.executable, __file__], stdout=PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"ws://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(main())
