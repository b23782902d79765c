"""A WebSocket client for tests of the backend: counts what arrives until the server's Close, on a plain socket.

It uses the websockets library's protocol object, none of the project's own code.
"""

import http.client
import json
import os
import re
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

ROOT = Path(__file__).parent.parent.parent
STEP = 30.0  # s


@dataclass
class Received:
    """What came, in order."""

    texts: list[bytes] = field(default_factory=list)
    """Data messages."""
    status: list[bool] = field(default_factory=list)
    pings: int = 0
    closed: bool = False
    """The server's Close came."""


class Client:
    """One connection. `status_code` is the answer to the upgrade."""

    def __init__(self, base: str, path: str, *, receive_buffer: int = 0, compression: bool = False) -> None:
        host, port = base.removeprefix("http://").split(":")
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(STEP)
        self.socket.connect((host, int(port)))
        self.address = "{}:{}".format(*self.socket.getsockname())
        extensions = [ClientPerMessageDeflateFactory()] if compression else None
        self.protocol = ClientProtocol(parse_uri(f"ws://{host}:{port}{path}"), extensions=extensions, max_size=None)
        self.received = Received()
        self.eof = False
        self.status_code = 0
        self.protocol.send_request(self.protocol.connect())
        self._flush()
        while not self.status_code and not self.eof:
            self.read()

    def _flush(self) -> None:
        for data in self.protocol.data_to_send():
            with suppress(OSError):
                self.socket.sendall(data) if data else None

    def read(self) -> None:
        """Take one read's worth."""
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionError:
            data = b""
        if data:
            self.protocol.receive_data(data)
        else:
            self.eof = True
            self.protocol.receive_eof()
        for event in self.protocol.events_received():
            self._take(event)
        self._flush()

    def _take(self, event: Response | Frame | Any) -> None:
        if isinstance(event, Response):
            self.status_code = event.status_code
        elif event.opcode is Opcode.CLOSE:
            self.received.closed = True
        elif event.opcode is Opcode.BINARY:
            self.received.pings += bytes(event.data) == b"ping"
        elif event.opcode is Opcode.TEXT:
            text = bytes(event.data)
            if text.startswith(b'{"type"'):
                self.received.status.append(json.loads(text)["connected"])
            else:
                self.received.texts.append(text)

    def read_until(self, messages: int) -> None:
        """Read until that many data messages have come in all."""
        while len(self.received.texts) < messages and not self.eof:
            self.read()

    def close(self, code: int = 1000) -> None:
        """Send a Close, and read to the end of the stream."""
        if not self.eof and not self.received.closed:
            self.protocol.send_close(code)
            self._flush()
        self.read_to_end()

    def read_to_end(self) -> None:
        """Read to the end of the stream."""
        while not self.eof:
            self.read()
        self.socket.close()

    @property
    def data(self) -> list[dict[str, Any]]:
        """The data messages, parsed."""
        return [json.loads(text) for text in self.received.texts]

    @property
    def sequence(self) -> list[int]:
        """Their sequence numbers."""
        return [int(text.rpartition(b":")[2][:-1]) for text in self.received.texts]


@contextmanager
def running(*command: str, **environ: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run a backend on a free port, with settings; give its URL and process.

    `command` are arguments for Python. What ours prints is taken literally; plain uvicorn says the URL in its log.
    """
    unset = {name: value for name, value in os.environ.items() if not name.startswith(("WS_", "DEMO_"))}
    process = subprocess.Popen(
        [sys.executable, *(command or ("-m", "backend")), "--port", "0"],
        cwd=ROOT,
        env=unset | {"WS_MAX_CONNECTIONS_PER_IP": "0"} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if "uvicorn" in command else None,
    )
    try:
        yield _wait_for_url(process, _LOGGED if "uvicorn" in command else _PRINTED), process
    finally:
        process.terminate()
        with suppress(ValueError):
            process.communicate(timeout=STEP)


_PRINTED = re.compile(r"listening on (http://127\.0\.0\.1:\d+)\n")
_LOGGED = re.compile(r"INFO: (?:.*running on (http://127\.0\.0\.1:\d+) .*| .*)\n")


def _wait_for_url(process: "subprocess.Popen[bytes]", pattern: re.Pattern[str]) -> str:
    assert process.stdout is not None
    while True:
        line = process.stdout.readline().decode()
        match = pattern.fullmatch(line)
        assert match, line
        if match[1]:
            return match[1]


def request(base: str, path: str, *, method: str = "GET", body: Any = None) -> tuple[int, Any]:
    """Make one request; give status and body, parsed if it is JSON."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=STEP)
    try:
        connection.request(method, path, body=None if body is None else json.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
        is_json = "json" in answer.headers.get("content-type", "")
        return answer.status, json.loads(text) if is_json else text
    finally:
        connection.close()


def post_faults(base: str, *faults: dict[str, Any]) -> None:
    """Replace the faults."""
    status, answer = request(base, "/faults", method="POST", body=list(faults))
    assert status == 200, answer


def stats(base: str) -> Any:
    """Give the witness's counts."""
    return request(base, "/stats")[1]


def record_of(base: str, client: Client) -> Any:
    """Give what the witness says about one client's connection."""
    (record,) = [c for c in stats(base)["connections"] if c["client"] == client.address]
    return record


def readable(client: Client, seconds: float) -> bool:
    """Wait until there is something to read, or not."""
    return bool(select.select([client.socket], [], [], seconds)[0])
