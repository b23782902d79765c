"""Locust's start form, with the profile where people look for it.

Locust puts options of a locustfile into a closed fold named "Custom parameters", and above it shows its own Users and
Ramp fields, which a load shape switches off. A script of ours opens and names the fold and hides the dead fields.
"""

from importlib.resources import files

from flask import Blueprint, Flask, Response, request

__all__ = ["install"]

PATH = "/loadtest/start-form.js"


def install(app: Flask, base_path: str = "") -> None:
    """Add the script to the page; `base_path` is Locust's --web-base-path."""
    pages = Blueprint("loadtest_start_form", __name__)
    script = files("loadtest.dashboard").joinpath("static", "start-form.js").read_text("utf-8")

    @pages.get(PATH)
    def start_form() -> Response:
        return Response(script, mimetype="text/javascript")

    def add_script(response: Response) -> Response:
        if request.path == f"{base_path}/" and response.mimetype == "text/html" and not response.direct_passthrough:
            tag = f'<script src="{base_path}{PATH}" defer></script></head>'
            response.set_data(response.get_data(as_text=True).replace("</head>", tag, 1))
        return response

    app.register_blueprint(pages, url_prefix=base_path or None)
    app.after_request(add_script)
