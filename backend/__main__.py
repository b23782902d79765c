"""`python -m backend`: the demo target, set up for load tests.

Prints `listening on URL` once it is ready; SIGTERM ends it.

The WebSocket layer is uvicorn's WebSocketsSansIOProtocol by name: `backend.wire` builds on it. No access log, no
pings of uvicorn's own, no compression unless `DEMO_COMPRESSION=1`, and connections stay open between requests for
longer than any client thinks.
"""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType

import uvicorn

from backend.application import Backend
from backend.limits import raise_descriptor_limit
from backend.settings import Settings, SettingsError

_BACKLOG = 4096
_KEEP_ALIVE = 75  # s
_GRACE = 3  # s for clients that don't read


class _Server(uvicorn.Server):
    """Says where it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            sys.stdout.write(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}\n")
        sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m backend", description="The demo backend. Settings: see backend/settings.py."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0: any free one")
    parser.add_argument("--tick-rate", type=float, help="market changes per second (DEMO_TICK_RATE)")
    parser.add_argument("--seed", type=int, help="seed of the market (DEMO_SEED)")
    options = parser.parse_args(argv)
    given = {"DEMO_TICK_RATE": options.tick_rate, "DEMO_SEED": options.seed}
    environ = os.environ | {name: str(value) for name, value in given.items() if value is not None}
    try:
        settings = Settings.from_environ(environ)
    except SettingsError as problem:
        parser.error(str(problem))
    raise_descriptor_limit()
    # uvicorn raises the signal that ended it once more, after its own clean end
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    _serve(settings, options.host, options.port)
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _serve(settings: Settings, host: str, port: int) -> None:
    config = uvicorn.Config(
        Backend(settings),
        host=host,
        port=port,
        http="httptools",
        ws="websockets-sansio",
        ws_ping_interval=None,
        ws_per_message_deflate=settings.compression,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
    )
    _Server(config).run(sockets=[config.bind_socket()])


if __name__ == "__main__":
    sys.exit(main())
