"""Logging in and out: by user and password, or by a link that is good once. Ends in a session's cookie."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from loadtest.dashboard.shield.login_attempts import Attempts
from loadtest.dashboard.shield.login_link import Link
from loadtest.dashboard.shield.login_page import entered, form, refusal
from loadtest.dashboard.shield.login_proof import Password, Token
from loadtest.dashboard.shield.login_sessions import Session, Sessions

__all__ = ["PAGES", "SAFE", "Doors", "Entrance", "away", "patience"]

logger = logging.getLogger(__name__)

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PAGES = {"": "", "/": "", "/live": "live", "/stats/report": "stats/report"}
"""What people open -> where to go after the login, below the base path. Nothing else is gone to."""
MOST_BYTES = 16384
"""Of a login's form."""
MOST_CHARACTERS = 1024
"""Of a field in it: what is hashed must not be long."""


@dataclass(slots=True)
class Doors:
    """What leads in. `aside` runs what takes long somewhere else and waits for it."""

    sessions: Sessions
    attempts: Attempts
    """Of logins."""
    token_attempts: Attempts
    """Of tokens, so that a program with a wrong one doesn't keep people from logging in."""
    password: Password | None = None
    token: Token | None = None
    link: Link | None = None
    aside: Callable[[Callable[[], bool]], bool] = lambda work: work()


class Entrance:
    """What /login and /logout answer."""

    def __init__(self, doors: Doors, cookie: str, base_path: str) -> None:
        self._doors = doors
        self._cookie = cookie
        self._base = base_path

    def session(self) -> Session | None:
        """Whose request this is."""
        return self._doors.sessions.find(request.cookies.get(self._cookie))

    def answer(self) -> Response:
        """Answer a request for /login."""
        if request.method == "POST":
            request.max_content_length = MOST_BYTES
            return self._enter()
        if request.method not in SAFE:
            return refusal("logging in takes POST", 405)
        goal = _goal(request.args.get("next"))
        if self.session() is not None:
            return away(f"{self._base}/{goal}")
        code = request.args.get("once")
        if code and request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", ""):
            return self._by_link(code, goal)
        return self._form(goal)

    def leave(self) -> Response:
        """Answer a request for /logout of somebody who is logged in."""
        if request.method != "POST":
            return refusal("logging out takes POST", 405)
        self._doors.sessions.end(request.cookies.get(self._cookie))
        answer = away(f"{self._base}/login")
        answer.delete_cookie(self._cookie, path=self._base or "/", samesite="Strict", httponly=True)
        return answer

    def _enter(self) -> Response:
        goal = _goal(request.form.get("next"))
        if code := request.form.get("once", "").strip():
            return self._by_link(code.rpartition("once=")[2], goal)  # the whole link will do
        return self._by_password(request.form.get("user", ""), request.form.get("password", ""), goal)

    def _by_password(self, user: str, password: str, goal: str) -> Response:
        doors, known = self._doors, self._doors.password
        if wait := doors.attempts.begin(request.remote_addr):
            return self._too_often(wait, goal)
        short = len(user) <= MOST_CHARACTERS and len(password) <= MOST_CHARACTERS
        if known is None or not short or not doors.aside(lambda: known.fits(user, password)):
            logger.warning("a login to the page from %s was refused", request.remote_addr)
            return self._form(goal, "Wrong user or password.", 401)
        doors.attempts.succeeded(request.remote_addr)
        return self._welcome(away(f"{self._base}/{goal}"), known.user)

    def _by_link(self, code: str, goal: str) -> Response:
        doors = self._doors
        if wait := doors.attempts.begin(request.remote_addr):
            return self._too_often(wait, goal)
        if doors.link is None or not doors.link.use(code):
            logger.warning("a one-time link to the page from %s was refused", request.remote_addr)
            return self._form(goal, "This link is not good any more.", 401)
        doors.attempts.succeeded(request.remote_addr)
        return self._welcome(entered(f"{self._base}/{goal}"), "one-time link")

    def _form(self, goal: str, problem: str = "", status: int = 200) -> Response:
        doors = self._doors
        if doors.link is not None:
            doors.link.renew()
        return form(
            problem,
            by_password=doors.password is not None,
            by_link=doors.link is not None,
            user=request.form.get("user", "")[:MOST_CHARACTERS],  # as it was typed, right or wrong
            goal=goal,
            status=status,
        )

    def _too_often(self, wait: float, goal: str) -> Response:
        answer = self._form(goal, f"{patience(wait).capitalize()}.", 429)
        answer.headers["Retry-After"] = str(math.ceil(wait))
        return answer

    def _welcome(self, answer: Response, user: str) -> Response:
        """Let the browser in under a new session; one that it had before ends."""
        sessions = self._doors.sessions
        sessions.end(request.cookies.get(self._cookie))
        by_proxy = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower() == "https"
        answer.set_cookie(
            self._cookie,
            sessions.begin(user),
            path=self._base or "/",
            secure=request.is_secure or by_proxy,
            httponly=True,
            samesite="Strict",
        )
        return answer


def _goal(wanted: str | None) -> str:
    return wanted if wanted is not None and wanted in PAGES.values() else ""


def away(path: str) -> Response:
    """Send the browser elsewhere, by GET."""
    return Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


def patience(wait: float) -> str:
    """Say how long to wait, in seconds."""
    return f"too many attempts failed: try again in {math.ceil(wait)} s"
