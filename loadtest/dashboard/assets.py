"""Scripts, styles and pages of ours on Locust's web server: each a file of its own, so that nothing is inline."""

from collections.abc import Mapping
from importlib.resources import files

from flask import Blueprint, Flask, Response, request

__all__ = ["add_to_head", "serve", "static"]

TYPES = {"js": "text/javascript", "css": "text/css", "html": "text/html"}


def static(name: str) -> str:
    """The text of a file in `static/`."""
    return files("loadtest.dashboard").joinpath("static", name).read_text("utf-8")


def serve(app: Flask, name: str, texts: Mapping[str, str], base_path: str = "") -> None:
    """Serve each text under its path; `name` is the blueprint's. The type is that of the path's ending."""
    pages = Blueprint(name, __name__)
    for number, (path, text) in enumerate(texts.items()):
        pages.add_url_rule(path, f"file_{number}", _File(text, TYPES.get(path.rpartition(".")[2], "text/html")))
    app.register_blueprint(pages, url_prefix=base_path or None)


class _File:
    """A view that always answers the same."""

    def __init__(self, text: str, mimetype: str) -> None:
        self._text = text
        self._mimetype = mimetype

    def __call__(self) -> Response:
        answer = Response(self._text, mimetype=self._mimetype)
        answer.headers["Cache-Control"] = "no-cache"  # an upgraded master has another script under the same name
        return answer


def add_to_head(app: Flask, tags: str, base_path: str = "") -> None:
    """Put tags into the head of Locust's page."""

    def add(response: Response) -> Response:
        if request.path == f"{base_path}/" and response.mimetype == "text/html" and not response.direct_passthrough:
            text = response.get_data(as_text=True)
            response.set_data(text.replace("</head>", f"{tags}</head>", 1))
        return response

    app.after_request(add)
