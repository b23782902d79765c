"""Who may subscribe, and the life of a subscription from upgrade to close.

What is published to it is `backend.subscriber`'s.
"""

import hmac
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from backend.channels import Channel, status_frame
from backend.delays import DelayLine
from backend.faults import Faults
from backend.settings import Settings
from backend.stats import Stats
from backend.subscriber import Subscriber
from backend.wire import WebSocket

__all__ = ["Subscriptions"]

_FORBIDDEN = 403


class Subscriptions:
    """Accepts or refuses upgrades, and keeps the accepted ones in their channels until they are closed.

    `faults` gives the faults of now.
    """

    def __init__(self, settings: Settings, stats: Stats, faults: Callable[[], Faults]) -> None:
        self.channels = {name: Channel(name, totals) for name, totals in stats.channels.items()}
        self.feed_connected = True
        self._by_path = {channel.path: channel for channel in self.channels.values()}
        self._settings = settings
        self._stats = stats
        self._faults = faults
        self._line = DelayLine()
        self._per_address: Counter[str] = Counter()

    def tell_status(self, *, connected: bool) -> None:
        """Tell every subscriber of every channel, now and when they connect, whether the feed is up."""
        self.feed_connected = connected
        frame = status_frame(connected=connected)
        for channel in self.channels.values():
            for subscriber in channel.subscribers.values():
                subscriber.send_status(frame)

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        """Run one upgrade, as an ASGI application."""
        await receive()
        scope["client"] = scope["client"] or ("gone", 0)  # uvicorn can't ask a socket that was reset meanwhile
        if (refusal := self._refusal(scope)) is not None:
            reason, status = refusal
            self._stats.refused[reason] += 1
            await send({"type": "websocket.http.response.start", "status": status, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b""})
            return
        address = scope["client"][0]
        self._per_address[address] += 1
        try:
            await send({"type": "websocket.accept"})
            socket = WebSocket(send)
            if socket.accepted:
                await self._stay(scope, receive, socket)
        finally:
            self._per_address[address] -= 1
            if not self._per_address[address]:
                del self._per_address[address]

    def _refusal(self, scope: Any) -> tuple[str, int] | None:
        """Say why an upgrade is refused and with which HTTP status."""
        limit = self._settings.max_connections_per_address
        if scope["path"] not in self._by_path:
            return "path", _FORBIDDEN
        if self._settings.token and not self._token_fits(scope["query_string"]):
            return "token", _FORBIDDEN
        if limit and self._per_address[scope["client"][0]] >= limit:
            return "limit", _FORBIDDEN
        status = self._faults().on_upgrade(scope["path"], time.monotonic())
        return None if status is None else ("fault", status)

    def _token_fits(self, query: bytes) -> bool:
        given = parse_qs(query.decode("latin-1"), encoding="utf-8", errors="replace").get("token", [""])[-1]
        return hmac.compare_digest(given.encode(), self._settings.token.encode())

    async def _stay(self, scope: Any, receive: Any, socket: WebSocket) -> None:
        channel = self._by_path[scope["path"]]
        host, port = scope["client"][:2]
        record = self._stats.opened(channel.name, channel.path, f"{host}:{port}", time.time())
        subscriber = Subscriber(record, socket, self._settings, self._line)
        subscriber.send_status(status_frame(connected=self.feed_connected))
        channel.subscribers[record.id] = subscriber
        try:
            while (await receive())["type"] != "websocket.disconnect":
                record.counts.received += 1
        finally:
            del channel.subscribers[record.id]
            subscriber.leave()
            self._faults().forget(record.id)
            by, code = socket.ended()
            self._stats.closed(record, by, code, time.time())
