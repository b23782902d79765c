"""What `POST /swarm` may set: the start form's fields, and a target that somebody who owns this cluster has named."""

from collections.abc import Callable, Collection

from flask import Flask, request
from werkzeug.exceptions import BadRequest, Forbidden

__all__ = ["install"]

LOCUSTS_OWN = frozenset({"user_count", "spawn_rate", "host", "run_time", "user_classes", "shape_class", "profile"})

Targets = Callable[[str | None], Collection[str]]
"""The URLs that a run of a profile may go to. None as the profile: of any."""


def install(
    app: Flask, fields: Collection[str], targets: Targets, read: Callable[[str], tuple[str, ...]], base_path: str = ""
) -> None:
    """Check a start before Locust sees it. `fields`: options on the form; `read` parses URLs (ValueError)."""
    offered = LOCUSTS_OWN | frozenset(fields)

    def check() -> None:
        if request.method != "POST":
            return
        if request.path == f"{base_path}/user":
            raise Forbidden("user classes are set by their profile, not from the page")
        if request.path != f"{base_path}/swarm":
            return
        strange = sorted(set(request.form) - offered)
        if strange:
            raise BadRequest(f"the start form has no field {strange[0]!r}")
        try:
            wanted = [url for given in request.form.getlist("host") if given.strip() for url in read(given)]
        except ValueError as problem:
            raise BadRequest(f"Host: {problem}") from None
        allowed = targets(request.form.get("load_profile"))
        for url in wanted:
            if url not in allowed:
                raise Forbidden(
                    f"Host: neither the profile nor LOADTEST_ALLOWED_TARGETS names {url}; the page can't aim elsewhere"
                )

    app.before_request(check)
