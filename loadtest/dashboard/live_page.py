"""The live page, `/live`, and the bar above Locust's own page that leads there and says how the run goes.

Both are files without anything inline; what they show they ask of the API.
"""

from flask import Flask, Response

from loadtest.charts import library_script, library_style
from loadtest.dashboard.api import Guard
from loadtest.dashboard.assets import add_to_head, serve, static

__all__ = ["install"]

PATH = "/live"


def install(app: Flask, guard: Guard, base_path: str = "") -> None:
    """Add the page, what it loads, and the bar; `base_path` is Locust's --web-base-path."""
    files = {
        f"/loadtest/{name}": static(name) for name in ("live.js", "live-charts.js", "live.css", "bar.js", "bar.css")
    }
    files |= {"/loadtest/dygraph.js": library_script(), "/loadtest/dygraph.css": library_style()}
    serve(app, "loadtest_live_files", files, base_path)
    page = static("live.html")

    @guard
    def live() -> Response:
        return Response(page, mimetype="text/html")

    app.add_url_rule(f"{base_path}{PATH}", "loadtest_live", live)
    folder = f"{base_path}/loadtest"
    tags = f'<link rel="stylesheet" href="{folder}/bar.css"><script src="{folder}/bar.js" defer></script>'
    add_to_head(app, tags, base_path)
