"""The demo target as one ASGI application: wires the parts, and serves the hot paths before FastAPI is asked."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from backend.alerts import Alerts
from backend.bodies import Bodies, to_json
from backend.channels import CHANNELS, Throttled
from backend.faults import Faults, RequestEffect
from backend.feed import Feed
from backend.limits import raise_descriptor_limit
from backend.market import SYMBOLS, Market
from backend.routes import PREBUILT, router
from backend.settings import Settings
from backend.stats import Stats
from backend.subscriptions import Subscriptions
from backend.wire import Answer, answerable, send_answer

__all__ = ["Backend"]

_OTHER = "(other)"
"""What paths that don't exist are counted under, so that their number is bounded."""


class Backend:
    """The demo target, an ASGI application."""

    def __init__(self, settings: Settings) -> None:
        now = time.time()
        self.market = Market(settings.seed, now)
        self.alerts = Alerts(settings.seed, settings.alert_rate)
        self.stats = Stats(CHANNELS, now, settings.kept_connections)
        self.faults = Faults()
        self.subscriptions = Subscriptions(settings, self.stats, lambda: self.faults)
        builders = (
            lambda: {"symbols": SYMBOLS},
            self.market.snapshot,
            self.market.foreign_detail,
            self.market.volume_stats,
        )
        self.bodies = Bodies(dict(zip(PREBUILT, builders, strict=True)))
        self._feed = Feed(settings, self.market, self.alerts, self)
        self._throttled = [
            Throttled(settings.throttle, self._broadcast_market),
            Throttled(settings.throttle, lambda: self._broadcast("foreign", to_json(self.market.foreign()))),
            Throttled(settings.throttle, lambda: self._broadcast("index", to_json(self.market.indices()))),
        ]
        routes = router(self)
        self._paths = {getattr(route, "path", "") for route in routes.routes}
        self._fastapi = FastAPI(title="Demo backend", lifespan=self._lifespan)
        self._fastapi.include_router(routes)

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        raise_descriptor_limit()
        feed = asyncio.create_task(self._feed.run())
        yield
        feed.cancel()
        for throttled in self._throttled:
            throttled.stop()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, upgrade or lifespan."""
        if scope["type"] == "http":
            await self._serve_request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.subscriptions.serve(scope, receive, send)
        else:
            await self._fastapi(scope, receive, send)

    async def _serve_request(self, scope: Any, receive: Any, send: Any) -> None:
        path, asked = scope["path"], scope["method"] == "GET"
        if asked and path == "/time":
            await self._tell_time(send)
            return
        if asked and path.startswith("/api/"):
            effect = self.faults.on_request(path, time.monotonic()) if self.faults else None
            if effect is not None and not await self._afflict(path, send, effect):
                return
            if (answer := self.bodies.get(path, scope["query_string"])) is not None:
                self._count(path, answer.status, sent=await send_answer(send, answer))
                return
        await self._serve_by_fastapi(scope, receive, send)

    async def _tell_time(self, send: Any) -> None:
        """Tell the clock, with little around the reading of it: that would be an error of the offset."""
        self._count("/time", 200, sent=await send_answer(send, Answer(to_json({"server_time": time.time()}))))

    async def _afflict(self, path: str, send: Any, effect: RequestEffect) -> bool:
        """Do to a request what a fault says; True: it is to be answered as usual after all."""
        if effect.hold:
            self.stats.effects["stall"] += 1
            await asyncio.sleep(effect.hold)
        if effect.status is None:
            return True
        self.stats.effects[effect.status_by] += 1
        answer = Answer(b'{"detail":"a fault that was asked for"}', effect.status)
        self._count(path, effect.status, sent=await send_answer(send, answer))
        return False

    async def _serve_by_fastapi(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"] if scope["path"] in self._paths else _OTHER
        status = 0

        async def counting_send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            there = answerable(send)
            await send(message)
            if last:
                self._count(path, status, sent=there)

        await self._fastapi(scope, receive, counting_send)

    def _count(self, path: str, status: int, *, sent: bool) -> None:
        if sent:
            self.stats.requests[path, status] += 1
        else:
            self.stats.abandoned[path] += 1

    def market_changed(self) -> None:
        """Hear from the feed that there was a tick."""
        self.bodies.changed()
        for throttled in self._throttled:
            throttled.changed()

    def alert_made(self, alert: dict[str, Any]) -> None:
        """Hear from the feed of a new alert, and send it at once."""
        self.bodies.forget()
        self._broadcast("alerts", to_json(alert))

    def feed_changed(self, *, connected: bool) -> None:
        """Hear that the feed went down or came back, and tell all."""
        self.subscriptions.tell_status(connected=connected)

    def _broadcast_market(self) -> None:
        if self.subscriptions.channels["market"].subscribers and (answer := self.bodies.get("/api/market/snapshot")):
            self._broadcast("market", answer.body)

    def _broadcast(self, channel: str, body: bytes) -> None:
        """Send to a channel; without a subscriber there is no broadcast."""
        if self.subscriptions.channels[channel].subscribers:
            self.subscriptions.channels[channel].broadcast(body, self.faults)
