"""The API of the master: status, timeline, metrics and a run's files. docs/api.md describes the answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from loadtest.dashboard.archive import run_directory, zipped
from loadtest.monitor import CONTENT_TYPE, Status, Timeline

__all__ = ["Guard", "Source", "install"]

Guard = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Wraps a view so that it is behind the page's login, if there is one."""


class Source(Protocol):
    """What is shown."""

    def status(self) -> Status:
        """The run now."""

    def timeline(self, since: int) -> Timeline:
        """What is new of its past to one who knows the seconds before `since`."""

    def metrics(self) -> str:
        """For Prometheus."""


def install(app: Flask, source: Source, out: Path, guard: Guard, base_path: str = "") -> None:
    """Add the API. `out`: where run directories are; `base_path` is Locust's --web-base-path."""
    pages = Blueprint("loadtest_api", __name__)

    @pages.get("/api/v1/status")
    @guard
    def status() -> Response:
        return _json(source.status())

    @pages.get("/api/v1/timeline")
    @guard
    def timeline() -> Response:
        since = request.args.get("since", "0")
        if not (since.isascii() and since.isdigit() and len(since) < 10):  # noqa: PLR2004 - 30 years
            raise BadRequest(f"since={since!r} is not a second of the run: a whole number, 0 or more")
        return _json(source.timeline(int(since)))

    @pages.get("/metrics")
    @guard
    def metrics() -> Response:
        return _fresh(Response(source.metrics(), content_type=CONTENT_TYPE))

    @pages.get("/api/v1/runs/<run_id>/bundle.zip")
    @guard
    def bundle(run_id: str) -> Response:
        folder = run_directory(out, run_id)
        if folder is None:
            raise NotFound(f"there is no run {run_id!r} here")
        answer = Response(zipped(folder), mimetype="application/zip")
        answer.headers["Content-Disposition"] = f'attachment; filename="{run_id}.zip"'
        return _fresh(answer)

    app.register_blueprint(pages, url_prefix=base_path or None)


def _json(answer: msgspec.Struct) -> Response:
    return _fresh(Response(msgspec.json.encode(answer), mimetype="application/json"))


def _fresh(answer: Response) -> Response:
    """Tell everybody on the way not to keep it."""
    answer.headers["Cache-Control"] = "no-store"
    return answer
