"""Refuses what a browser sends for somebody else's page. What the page's own scripts and plain clients send passes."""

from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.exceptions import Forbidden

__all__ = ["install", "is_loopback"]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OWN = frozenset({"same-origin", "none"})
"""Sec-Fetch-Site of the page itself and of what a person typed or bookmarked (W3C Fetch Metadata)."""


def install(app: Flask, bound_to: str) -> None:
    """Check every request before its view; `bound_to` is the address that the page is served on."""
    local = is_loopback(bound_to)

    def refuse_strangers() -> None:
        if local and not is_loopback(_name(request.host)):
            # A name that somebody else resolves to 127.0.0.1 makes his page same-origin with ours (DNS rebinding).
            raise Forbidden(f"this page is served to this machine only, not as {_name(request.host)!r}")
        if request.method not in SAFE and not _is_own():
            raise Forbidden("refused: the request comes from another site's page")

    app.before_request(refuse_strangers)


def _is_own() -> bool:
    """A browser says where a request comes from; who says nothing is no browser, and carries nobody's rights."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in OWN
    origin = request.headers.get("Origin")
    return origin is None or _part(origin, "netloc") == request.host


def _name(host: str) -> str:
    """The host of a Host header, without its port."""
    return _part(f"//{host}", "hostname")


def _part(url: str, part: Literal["netloc", "hostname"]) -> str:
    """A part of a URL that a stranger wrote; nothing if it is none."""
    try:
        return getattr(urlsplit(url), part) or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach an address."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:  # another name, or every address
        return False
