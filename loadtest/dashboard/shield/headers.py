"""The headers of every answer: what a browser may load and run, and no leave for other sites to read."""

import re
import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["install"]

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
POLICY = (
    "default-src 'none'; script-src 'self'{nonce}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
    " font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Styles may be inline: Locust's page (Emotion, ECharts) makes them while it runs and knows no nonce."""
SCRIPT = re.compile(r"<script(?=[\s>])")


def install(app: Flask) -> None:
    """Add the headers, take Locust's leave for every origin away, and switch Flask's debugging off."""
    app.debug = False  # Locust switches it on
    app.after_request(_protect)
    app.wsgi_app = _without_cors(app.wsgi_app)  # type: ignore[method-assign, assignment]


def _protect(response: Response) -> Response:
    nonce = ""
    if response.mimetype == "text/html" and not response.direct_passthrough:
        text = response.get_data(as_text=True)
        if SCRIPT.search(text):
            # Only what the server rendered has a nonce. Values in it are JSON without "<" (Flask's tojson). No quotes:
            # the script of Locust's report has "<script>" in its own strings.
            value = secrets.token_hex(16)
            response.set_data(SCRIPT.sub(f"<script nonce={value}", text))
            nonce = f" 'nonce-{value}'"
    for name, content in HEADERS.items():
        response.headers.setdefault(name, content)
    response.headers.setdefault("Content-Security-Policy", POLICY.format(nonce=nonce))
    return response


def _without_cors(application: "WSGIApplication") -> "WSGIApplication":
    """Flask-CORS, which Locust uses, answers any Origin with leave for it, after all of Flask's own hooks."""

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        def begin(status: str, headers: list[tuple[str, str]], problem: Any = None, /) -> Callable[[bytes], object]:
            kept = [pair for pair in headers if not pair[0].lower().startswith("access-control-")]
            return start(status, kept, problem)

        return application(environ, begin)

    return answer
