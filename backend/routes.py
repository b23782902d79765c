"""The REST routes, as FastAPI sees them.

Documentation, query validation, and whatever `backend.application` has no prebuilt bytes for.
"""

import time
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from backend.alerts import MAX_LIMIT, Alerts, AlertType, Severity
from backend.bodies import Bodies, to_json
from backend.faults import Fault, Faults, parse
from backend.metrics import MEDIA_TYPE, render
from backend.stats import Stats

__all__ = ["PREBUILT", "State", "router"]

PREBUILT = (
    "/api/vn30-components",
    "/api/market/snapshot",
    "/api/market/foreign-detail",
    "/api/market/volume-stats",
)
"""Paths with one answer for everyone: served from `Bodies` before FastAPI is asked."""


class State(Protocol):
    """What the routes need of the application."""

    stats: Stats
    bodies: Bodies
    alerts: Alerts
    faults: Faults


def router(state: State) -> APIRouter:
    """Make the routes of an application."""
    routes = APIRouter()
    for path in PREBUILT:
        routes.add_api_route(path, _prebuilt(state, path), methods=["GET"], name=path.rpartition("/")[2])

    @routes.get("/health")
    async def health() -> dict[str, str]:
        """Tell that it runs. There is no database; the demo says what the target says when all is well."""
        return {"status": "ok", "database": "connected"}

    @routes.get("/api/market/alerts")
    async def alerts(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
        type: AlertType | None = None,  # noqa: A002 - the target's name for it
        severity: Severity | None = None,
    ) -> Response:
        """List the newest alerts first. The same question gets the same bytes until there is another alert."""
        body = to_json(state.alerts.latest(limit, type, severity))
        state.bodies.keep("/api/market/alerts", request.scope["query_string"], body)
        return Response(body, media_type="application/json")

    @routes.get("/metrics")
    async def metrics() -> PlainTextResponse:
        """Give the counts for Prometheus."""
        return PlainTextResponse(render(state.stats), media_type=MEDIA_TYPE)

    _add_demo_routes(routes, state)
    return routes


def _prebuilt(state: State, path: str) -> Any:
    async def endpoint() -> Response:
        answer = state.bodies.get(path)
        return Response(answer.body if answer else b"", media_type="application/json")

    return endpoint


def _add_demo_routes(routes: APIRouter, state: State) -> None:
    @routes.get("/time", tags=["demo only"])
    async def clock() -> dict[str, float]:
        """Tell this process's clock, in seconds since the epoch. The application answers before FastAPI is asked."""
        return {"server_time": time.time()}

    @routes.get("/stats", tags=["demo only"])
    async def stats(connections: Annotated[int | None, Query(ge=0)] = None) -> Response:
        """Give all counts, and the newest `connections` connections (0: totals only; left out: all that are kept)."""
        counts = state.stats.to_json(time.time(), connections)
        return Response(to_json(counts | {"faults": state.faults.describe()}), media_type="application/json")

    @routes.post("/faults", tags=["demo only"], openapi_extra=_faults_body())
    async def faults(request: Request) -> JSONResponse:
        """Replace all faults by a JSON list of new ones, whose times count from now."""
        try:
            posted = parse(await request.body())
        except ValueError as problem:
            return JSONResponse({"detail": str(problem)}, status_code=422)
        state.faults = Faults(posted, time.monotonic())
        return JSONResponse(state.faults.describe())


def _faults_body() -> dict[str, Any]:
    schema = {"type": "array", "items": Fault.model_json_schema()}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
