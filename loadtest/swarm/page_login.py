"""Decides whether the master's page needs a login, and with what. The login itself is dashboard/shield/login.py."""

import logging
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from locust.web import WebUI

import gevent
from flask import Flask

from loadtest.clock import SystemClock
from loadtest.credentials import PageSecrets, page_secrets, without_login_allowed
from loadtest.dashboard.shield import login
from loadtest.dashboard.shield.login_attempts import Attempts
from loadtest.dashboard.shield.login_entrance import Doors
from loadtest.dashboard.shield.login_link import VALID_S, Link
from loadtest.dashboard.shield.login_proof import Password, Token
from loadtest.dashboard.shield.login_sessions import Sessions
from loadtest.dashboard.shield.same_site import is_loopback
from loadtest.errors import UsageError

__all__ = ["install", "page_url"]

logger = logging.getLogger(__name__)

WEB_URL = "LOADTEST_WEB_URL"
MINUTE_S = 60


def install(app: Flask, web_ui: WebUI, environ: Mapping[str, str], base_path: str, say: Callable[[str], None]) -> None:
    """Put the page behind a login, unless only this machine reaches it and nobody was named, or the owner wants none.

    `say` prints a line where the owner reads it: not through the log, which is kept in the run's directory.

    Raises:
        UsageError: the environment says something that can't be.
    """
    secrets = page_secrets(environ)
    if without_login_allowed(environ):
        if not is_loopback(web_ui.host):
            logger.warning("the page has no login: whoever can reach port %s can start and stop runs", web_ui.port)
        return
    if not secrets and is_loopback(web_ui.host):
        return
    url = page_url(web_ui, environ, base_path)
    login.install(app, doors(secrets, url, say), f"loadtest-{web_ui.port}", base_path)


def doors(secrets: PageSecrets, url: str, say: Callable[[str], None]) -> Doors:
    """Return what leads in. Without a password it is a link, told by `say`."""
    now = SystemClock().monotonic

    def tell(code: str) -> None:
        say(f"log in to the page by this one-time link, within {VALID_S / MINUTE_S:g} minutes: {url}/login?once={code}")

    return Doors(
        Sessions(now),
        Attempts(now),
        Attempts(now),
        password=None if secrets.password is None else Password(secrets.user, secrets.password),
        token=None if secrets.token is None else Token(secrets.token),
        link=Link(now, tell) if secrets.password is None else None,
        aside=lambda work: bool(gevent.get_hub().threadpool.apply(work)),
    )


def page_url(web_ui: WebUI, environ: Mapping[str, str], base_path: str) -> str:
    """Return where people find the page, with the base path and no slash at its end.

    Raises:
        UsageError: LOADTEST_WEB_URL is no URL.
    """
    scheme = "https" if web_ui.tls_cert and web_ui.tls_key else "http"
    given = environ.get(WEB_URL) or f"{scheme}://{_bracketed(web_ui.host)}:{web_ui.port}"
    parts = urlsplit(given)
    try:
        host, port = parts.hostname or "localhost", parts.port
    except ValueError as problem:
        raise UsageError(f"{WEB_URL}: {problem}") from None
    if parts.scheme not in ("http", "https"):
        raise UsageError(f"{WEB_URL}: must begin with http:// or https://")
    name = "localhost" if _is_everywhere(host) else _bracketed(host)
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{base_path}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_everywhere(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
