"""What Locust's users do without us: websocket-client in a greenlet each, and a Locust event for each message.

`python -m benchmarks.clients.websocket_client PORT`; commands: connect N, report.
"""

import sys
import time

from gevent import monkey

monkey.patch_all()

from locust.env import Environment  # noqa: E402 - patched first

import gevent  # noqa: E402
import websocket  # noqa: E402

from benchmarks.clients.control import serve  # noqa: E402
from loadtest.swarm.health import raise_descriptor_limit  # noqa: E402

environment = Environment()
environment.create_local_runner()
connections: list[websocket.WebSocket] = []


def receive(connection: websocket.WebSocket) -> None:
    """Tell Locust of each message, for ever."""
    while True:
        began = time.perf_counter()
        message = connection.recv()
        environment.events.request.fire(
            request_type="WS",
            name="message",
            response_time=(time.perf_counter() - began) * 1000,
            response_length=len(message),
            exception=None,
            context={},
        )


def connect(count: int) -> dict[str, int]:
    """Open so many more connections."""
    for _ in range(count):
        connection = websocket.create_connection(f"ws://127.0.0.1:{sys.argv[1]}/ws")
        connections.append(connection)
        gevent.spawn(receive, connection)
    return {"open": len(connections)}


def report() -> dict[str, dict[str, int]]:
    """What Locust counted."""
    return {"counters": {"messages": environment.stats.total.num_requests}, "errors": {}}


raise_descriptor_limit()
serve({"connect": connect, "report": report})
