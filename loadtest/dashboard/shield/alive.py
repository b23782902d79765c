"""`/healthz`: that the page's server turns, for probes. Open to everybody and says nothing else."""

from flask import Flask, Response

__all__ = ["install"]


def install(app: Flask, base_path: str = "") -> None:
    """Add it, with and without the base path: a probe doesn't come through the proxy."""

    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    for number, path in enumerate({"/healthz", f"{base_path}/healthz"}):
        app.add_url_rule(path, f"loadtest_healthz_{number}", healthz)
