"""The web page of a cluster on this machine: whether it can be served as it is asked for, and where it is."""

from collections.abc import Mapping

from loadtest.cli.local import HOST, require_free
from loadtest.cli.page_tls import page_scheme, tls_options
from loadtest.credentials import page_secrets, without_login_allowed

__all__ = ["WEB_PORT", "page_address", "require_page"]

WEB_PORT = 8089
"""Locust's own default."""


def require_page(port: int, environ: Mapping[str, str]) -> None:
    """Raise UsageError if the page can't have its port, its certificate or its login."""
    page_secrets(environ)
    without_login_allowed(environ)
    tls_options(environ)
    require_free(port)


def page_address(port: int, environ: Mapping[str, str]) -> str:
    """Return its URL."""
    return f"{page_scheme(environ)}://{HOST}:{port}"
