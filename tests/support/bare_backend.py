"""The target's API once more, by other means: asyncio and the websockets library's protocol object, no framework.

It shares nothing with `backend`, and has neither `server_time` nor `seq`, nor `/time`, `/stats`, `/faults`. On SIGTERM
it closes every subscriber (1001) and prints one JSON line: `requests` (answered, by path), `written` (data messages
before the server's Close, by path) and `connections` (path, client, written, heartbeats, status, dropped,
skipped).

    python tests/support/bare_backend.py [--host 127.0.0.1] [--port 0]

It prints `listening on http://127.0.0.1:PORT` once it is ready, and reads `WS_AUTH_TOKEN`, `WS_MAX_CONNECTIONS_PER_IP`
(0, no limit), `WS_THROTTLE_INTERVAL_MS` (500) and `WS_HEARTBEAT_INTERVAL` (30). `BARE_PAYLOADS` may be `still` (the
market never changes: the same bytes in every broadcast) or `own` (each subscriber's messages are its own). With
`BARE_AGE=S` each data message of `/ws/index` says in `as_of` that its newest data is S seconds old when it is written,
and its oldest 5 s older; with `BARE_STEP=S` those times are cut off to multiples of S seconds. With `BARE_SKIP=N`, of
every fifth subscriber's data messages 10 to 60 each N-th is not written, but `skipped`.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import signal
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

TICKERS = [
    *("ACB", "BCM", "BID", "BVH", "CTG", "FPT", "GAS", "GVR", "HDB", "HPG", "LPB", "MBB", "MSN", "MWG", "PLX"),
    *("SAB", "SHB", "SSB", "SSI", "STB", "TCB", "TPB", "VCB", "VHM", "VIB", "VIC", "VJC", "VNM", "VPB", "VRE"),
]
TYPES = ("foreign_acceleration", "basis_divergence", "volume_spike", "price_breakout")
SEVERITIES = ("info", "warning", "critical")
REASONS = {200: "OK", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 422: "Unprocessable Entity"}
TOO_SLOW = 50 * 32_000  # bytes that wait for one subscriber before it loses messages


class Market:
    """Thirty tickers that change at random."""

    def __init__(self) -> None:
        self.random = random.Random(7)
        self.alerts: list[dict[str, Any]] = []
        self.change()

    def change(self) -> None:
        """Make another market, and its REST bodies."""
        self.stamp = time.strftime("%Y-%m-%dT%H:%M:%S+07:00", time.gmtime(time.time() + 7 * 3600))
        stocks = [self._stock(ticker) for ticker in TICKERS]
        self.foreign = {"total_buy_value": 5, "total_sell_value": 3, "total_net_value": 2, "total_buy_volume": 50}
        self.foreign |= {"total_sell_volume": 30, "total_net_volume": self.random.randint(-(10**9), 10**9)}
        self.foreign |= {"top_buy": stocks[:3], "top_sell": stocks[-3:]}
        self.indices = {"VN30": self._index()}
        quotes = {ticker: self._quote(ticker) for ticker in TICKERS}
        keys = ("last_price", "change", "change_pct", "ref_price", "ceiling", "floor")
        prices = {ticker: {key: self.random.randint(10_000, 90_000) for key in keys} for ticker in TICKERS}
        derivatives = {"VN30F1M": {"last_price": self.random.uniform(1200, 1300)}}
        shot = {
            "quotes": quotes,
            "prices": prices,
            "indices": self.indices,
            "foreign": self.foreign,
            "derivatives": derivatives,
        }
        self.texts = {"/ws/market": shot, "/ws/foreign": self.foreign, "/ws/index": self.indices}
        self.made: dict[str, bytes] = {}
        self.bodies: dict[str, Any] = {
            "/health": {"status": "ok", "database": "unavailable"},
            "/api/vn30-components": {"symbols": TICKERS},
            "/api/market/snapshot": shot,
            "/api/market/foreign-detail": {"summary": self.foreign, "stocks": stocks},
            "/api/market/volume-stats": {"stats": list(quotes.values())},
        }

    def text(self, path: str) -> bytes:
        """Give a REST body, made once per market."""
        if path not in self.made:
            self.made[path] = json.dumps(self.bodies[path]).encode()
        return self.made[path]

    def alert(self) -> dict[str, Any]:
        """Make an alert."""
        draw = self.random
        about = {"alert_type": draw.choice(TYPES), "severity": draw.choice(SEVERITIES), "symbol": draw.choice(TICKERS)}
        alert = {
            "id": f"a{len(self.alerts)}",
            "message": "something moves",
            "timestamp": self.stamp,
            "data": {},
        } | about
        self.alerts.append(alert)
        return alert

    def _quote(self, ticker: str) -> dict[str, Any]:
        sides = ("mua_chu_dong", "ban_chu_dong")
        keys = [f"{side}_{what}" for side in sides for what in ("volume", "value")] + ["neutral_volume", "total_volume"]
        sessions = {name: {key: self.random.randint(0, 10**9) for key in keys} for name in ("ato", "continuous", "atc")}
        return {"symbol": ticker, "last_updated": self.stamp} | dict.fromkeys(keys, 10**7) | sessions

    def _stock(self, ticker: str) -> dict[str, Any]:
        sums = [f"{side}_{what}" for side in ("buy", "sell", "net") for what in ("volume", "value")]
        rates = [f"{side}_{what}" for side in ("buy", "sell") for what in ("speed_per_min", "acceleration")]
        keys = [*sums, "total_room", "current_room", *rates]
        return {"symbol": ticker, "last_updated": self.stamp} | {key: self.random.randint(0, 10**12) for key in keys}

    def _index(self) -> dict[str, Any]:
        value = round(self.random.uniform(1200, 1300), 2)
        index: dict[str, Any] = {"index_id": "VN30", "value": value, "prior_value": 1250.0, "change": value - 1250.0}
        index |= {"ratio_change": 0.1, "total_volume": 10**8, "advances": 12, "declines": 10, "no_changes": 8}
        return index | {"intraday": [], "last_updated": self.stamp, "advance_ratio": 0.4}


class Backend:
    """All connections, and what is counted."""

    def __init__(self) -> None:
        self.market = Market()
        self.requests: Counter[str] = Counter()
        self.subscribers: list[Connection] = []
        self.per_address: Counter[str] = Counter()
        self.token = os.environ.get("WS_AUTH_TOKEN", "")
        self.limit = int(os.environ.get("WS_MAX_CONNECTIONS_PER_IP") or 0)
        self.payloads = os.environ.get("BARE_PAYLOADS", "")
        self.age = float(os.environ.get("BARE_AGE") or 0)
        self.step = float(os.environ.get("BARE_STEP") or 0)
        self.skip = int(os.environ.get("BARE_SKIP") or 0)

    def answer(self, method: str, target: str) -> tuple[str, int, bytes]:
        """Answer one request: path to count it under, status, body."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if path == "/metrics":
            return path, 200, f"bare_subscribers {len(self.subscribers)}\n".encode()
        if path == "/api/market/alerts":
            status, body = self._alerts(query)
        elif path in self.market.bodies:
            if method == "GET":
                return path, 200, self.market.text(path)
            status, body = 405, None
        else:
            path, status, body = "(other)", 404, {"detail": "Not Found"}
        if method != "GET":
            status, body = 405, {"detail": "Method Not Allowed"}
        return path, status, json.dumps(body).encode()

    def _alerts(self, query: dict[str, list[str]]) -> tuple[int, Any]:
        limit = query.get("limit", ["50"])[-1]
        kind, severity = query.get("type", [""])[-1], query.get("severity", [""])[-1]
        if not (
            limit.isdecimal() and 1 <= int(limit) <= 200 and kind in ("", *TYPES) and severity in ("", *SEVERITIES)
        ):
            return 422, {"detail": "no such alerts"}
        newest = reversed(self.market.alerts)
        fitting = [a for a in newest if kind in ("", a["alert_type"]) and severity in ("", a["severity"])]
        return 200, fitting[: int(limit)]

    def broadcast(self, path: str, value: Any) -> None:
        """Send one object to the subscribers of a path."""
        text = json.dumps(value).encode()
        own = self.payloads == "own"
        for connection in self.subscribers:
            if connection.path == path:
                connection.publish(b'{"to":"%b",' % connection.client.encode() + text[1:] if own else text)

    async def every(self, interval: float, act: Any) -> None:
        """Call `act` for ever."""
        while True:
            await asyncio.sleep(interval)
            act()

    def change(self) -> None:
        """Change the market, and tell."""
        if self.payloads != "still":
            self.market.change()
        for path, value in self.market.texts.items():
            self.broadcast(path, {"as_of": self.as_of(), **value} if self.age and path == "/ws/index" else value)

    def as_of(self) -> list[dict[str, str]]:
        """Give the times of the data, oldest and newest."""
        newest = datetime.now(UTC) - timedelta(seconds=self.age)
        if self.step:
            newest -= timedelta(seconds=newest.timestamp() % self.step)
        return [{"at": (newest - timedelta(seconds=older)).isoformat()} for older in (5, 0, 2.5)]

    def beat(self) -> None:
        """Send everyone a heartbeat."""
        for connection in self.subscribers:
            connection.heartbeats += connection.write(Opcode.BINARY, b"ping")

    def report(self) -> str:
        """Say what was counted."""
        keys = ("path", "client", "written", "heartbeats", "status", "dropped", "skipped")
        connections = [{key: getattr(connection, key) for key in keys} for connection in self.subscribers]
        written: Counter[str] = Counter()
        for connection in self.subscribers:
            written[connection.path] += connection.written
        return json.dumps({"requests": self.requests, "written": written, "connections": connections})


class Connection(asyncio.Protocol):
    """One TCP connection: HTTP with keep-alive, until it is upgraded."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.buffer = b""
        self.websocket: ServerProtocol | None = None
        self.path = self.client = ""
        self.written = self.heartbeats = self.status = self.dropped = self.skipped = self.published = 0
        self.number = 0
        self.counted = False

    def connection_made(self, transport: Any) -> None:
        """Take the transport."""
        self.transport = transport
        self.address, port = transport.get_extra_info("peername")[:2]
        self.client = f"{self.address}:{port}"

    def connection_lost(self, _problem: Exception | None) -> None:
        """Give the address its place back."""
        if self.counted:
            self.backend.per_address[self.address] -= 1

    def data_received(self, data: bytes) -> None:
        """Take bytes of requests or frames."""
        if self.websocket is not None:
            self._feed(data)
            return
        self.buffer += data
        while self.websocket is None and b"\r\n\r\n" in self.buffer:
            head, _, rest = self.buffer.partition(b"\r\n\r\n")
            if b"\r\nupgrade: websocket" in head.lower():
                self.websocket = ServerProtocol()
                self._feed(self.buffer)
            else:
                self.buffer = rest
                self._respond(head.decode("latin-1"))

    def _respond(self, head: str) -> None:
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        path, status, body = self.backend.answer(method, target)
        kind = "text/plain" if path == "/metrics" else "application/json"
        close = "connection: close" in head.lower()
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += ["Connection: close"] * close
        if not self.transport.is_closing():
            self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
            self.backend.requests[path] += 1
        if close:
            self.transport.close()

    def _feed(self, data: bytes) -> None:
        assert self.websocket is not None
        self.websocket.receive_data(data)
        for event in self.websocket.events_received():
            if isinstance(event, Request):
                self._upgrade(event)
        self._flush()

    def _upgrade(self, request: Request) -> None:
        assert self.websocket is not None
        backend, target = self.backend, urlsplit(request.path)
        token = parse_qs(target.query).get("token", [""])[-1]
        full = backend.limit and backend.per_address[self.address] >= backend.limit
        known = target.path in {*backend.market.texts, "/ws/alerts"}
        if not known or full or (backend.token and unquote(token) != backend.token):
            self.websocket.send_response(self.websocket.reject(403, "no\n"))
            return
        self.websocket.send_response(self.websocket.accept(request))
        if self.websocket.state is State.OPEN:
            self.path, self.counted = target.path, True
            backend.per_address[self.address] += 1
            backend.subscribers.append(self)
            self.number = len(backend.subscribers)
            self.status += self.write(Opcode.TEXT, b'{"type": "status", "connected": true}')

    def _flush(self) -> None:
        assert self.websocket is not None
        for data in self.websocket.data_to_send():
            if data:
                self.transport.write(data)
            else:  # the library's sign for the end of the stream
                self.transport.close()

    def publish(self, text: bytes) -> None:
        """Send one data message, unless the subscriber is far behind, or this one is to be skipped."""
        skip = self.backend.skip
        self.published += 1
        if skip and not self.number % 5 and 10 <= self.published <= 60 and not self.published % skip:
            self.skipped += 1
        elif self.transport.get_write_buffer_size() > TOO_SLOW:
            self.dropped += 1
        else:
            self.written += self.write(Opcode.TEXT, text)

    def write(self, opcode: Opcode, payload: bytes) -> bool:
        """Send one message; False: too late."""
        assert self.websocket is not None
        if self.websocket.state is not State.OPEN or self.transport.is_closing():
            return False
        (self.websocket.send_text if opcode is Opcode.TEXT else self.websocket.send_binary)(payload)
        self._flush()
        return True

    def close(self) -> None:
        """Send a Close."""
        assert self.websocket is not None
        if self.websocket.state is State.OPEN:
            self.websocket.send_close(1001)
            self._flush()
        self.transport.close()


async def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    backend = Backend()
    server = await loop.create_server(lambda: Connection(backend), options.host, options.port, backlog=4096)
    interval = float(os.environ.get("WS_THROTTLE_INTERVAL_MS") or 500) / 1000
    work = [
        asyncio.create_task(backend.every(interval, backend.change)),
        asyncio.create_task(
            backend.every(2 * interval, lambda: backend.broadcast("/ws/alerts", backend.market.alert()))
        ),
        asyncio.create_task(backend.every(float(os.environ.get("WS_HEARTBEAT_INTERVAL") or 30), backend.beat)),
    ]
    sys.stdout.write("listening on http://{}:{}\n".format(*server.sockets[0].getsockname()[:2]))
    sys.stdout.flush()
    await over.wait()
    server.close()
    for task in work:
        task.cancel()
    for connection in backend.subscribers:
        connection.close()
    await asyncio.sleep(0.2)  # for what is still in the buffers
    sys.stdout.write(backend.report() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
