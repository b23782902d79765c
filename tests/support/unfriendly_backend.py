"""A target that turns everybody away, in a process of its own: `unfriendly_backend.py HOW COUNTS`.

HOW: `closes` accepts a connection and closes it; `busy` answers 503; `deaf` never accepts, and its backlog is full.
On SIGTERM it writes how many connections it accepted to the file COUNTS.
"""

import asyncio
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n"


async def main(how: str) -> int:
    """Serve until SIGTERM; how many connections were accepted."""
    accepted = 0
    listener = socket.create_server(("127.0.0.1", 0), backlog=0 if how == "deaf" else 1024)
    host, port = listener.getsockname()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            while how == "busy":
                await reader.readuntil(b"\r\n\r\n")
                writer.write(BUSY)
                await writer.drain()
        writer.close()

    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    waiting = [socket.socket() for _ in range(3)]
    for one in waiting if how == "deaf" else ():
        one.settimeout(0)
        one.connect_ex((host, port))
    server = None if how == "deaf" else await asyncio.start_server(serve, sock=listener)
    sys.stdout.write(f"listening on http://{host}:{port}\n")
    sys.stdout.flush()
    await over.wait()
    if server is not None:
        server.close()
    for one in waiting:
        one.close()
    return accepted


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(str(asyncio.run(main(sys.argv[1]))))
