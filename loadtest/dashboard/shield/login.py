"""The door of the page: nothing behind it answers without a session or the bearer token (docs/security.md).

Every request passes here before Flask looks for its view, so that a page that is added later is behind it as well.
"""

import math

from flask import Flask, Response, json, request

from loadtest.dashboard.assets import serve, static
from loadtest.dashboard.shield.login_entrance import PAGES, SAFE, Doors, Entrance, away, patience
from loadtest.dashboard.shield.login_page import FILES, refusal
from loadtest.dashboard.shield.login_sessions import Session

__all__ = ["HEADER", "install"]

HEADER = "X-Loadtest-Token"
"""Carries the session's token in what changes something."""
OPEN = frozenset({"/healthz", *(f"/loadtest/{name}" for name in FILES)})
SCRIPT = "session.js"
BEARER = "bearer "


def install(app: Flask, doors: Doors, cookie: str, base_path: str = "") -> None:
    """Put the page behind its login. `cookie` names the session's: a browser sends one port's cookies to another's."""
    door = _Door(doors, cookie, base_path)
    serve(app, "loadtest_login", {f"/loadtest/{name}": static(name) for name in (*FILES, SCRIPT)}, base_path)
    app.before_request(door.check)
    app.after_request(door.equip)


class _Door:
    """Both hooks."""

    def __init__(self, doors: Doors, cookie: str, base_path: str) -> None:
        self._doors = doors
        self._entrance = Entrance(doors, cookie, base_path)
        self._base = base_path

    def check(self) -> Response | None:
        """Answer what may not pass, and what is about logging in; None lets it pass."""
        path = self._path()
        if path in OPEN or request.path == "/healthz":
            return None
        if path == "/login":
            return self._entrance.answer()
        if path == "/session":
            return self._about(self._entrance.session())
        authorization = request.headers.get("Authorization", "")
        if authorization[: len(BEARER)].lower() == BEARER:
            return self._bearer(authorization[len(BEARER) :].strip())
        session = self._entrance.session()
        return self._unknown(path) if session is None else self._known(path, session)

    def equip(self, response: Response) -> Response:
        """Give the pages the script that sends the session's token, and keep them out of caches."""
        if response.mimetype == "text/html" and not response.direct_passthrough:
            response.headers.setdefault("Cache-Control", "no-store")
            if self._path() in PAGES:
                tag = f'<script src="{self._base}/loadtest/{SCRIPT}"></script>'
                response.set_data(response.get_data(as_text=True).replace("</head>", f"{tag}</head>", 1))
        return response

    def _path(self) -> str | None:
        """The path below the base path; None elsewhere."""
        path = request.path
        return path[len(self._base) :] if path == self._base or path.startswith(f"{self._base}/") else None

    def _known(self, path: str | None, session: Session) -> Response | None:
        """Who is logged in may look at everything, and change what the page's own script asks for."""
        if request.method not in SAFE and not session.vouches(request.headers.get(HEADER)):
            return refusal(f"refused: no {HEADER} of this session; reload the page (programs: see docs/api.md)", 403)
        return self._entrance.leave() if path == "/logout" else None

    def _unknown(self, path: str | None) -> Response:
        """Send people to the login, and tell programs."""
        looks = path is not None and request.method in ("GET", "HEAD") and not path.startswith(("/api/", "/metrics"))
        if looks and (path in PAGES or "text/html" in request.headers.get("Accept", "")):
            goal = PAGES.get(path or "", "")
            return away(f"{self._base}/login?next={goal}" if goal else f"{self._base}/login")
        return refusal("log in first, or send the bearer token (docs/api.md)", 401, 'Bearer realm="loadtest"')

    def _bearer(self, given: str) -> Response | None:
        """No browser sends a token by itself, so it needs no further proof."""
        token = self._doors.token
        if token is not None and token.fits(given):
            return None
        if wait := self._doors.token_attempts.begin(request.remote_addr):
            answer = refusal(patience(wait), 429)
            answer.headers["Retry-After"] = str(math.ceil(wait))
            return answer
        return refusal("this is not the bearer token", 401, 'Bearer realm="loadtest", error="invalid_token"')

    def _about(self, session: Session | None) -> Response:
        """What the page's own script, or a program, needs to know to change something."""
        user, token, left = None, None, 0
        if session is not None:
            user, token, left = session.user, session.token, math.floor(self._doors.sessions.left_s(session))
        told = json.dumps({"user": user, "token": token, "expires_s": left})
        answer = Response(told, mimetype="application/json")
        answer.headers["Cache-Control"] = "no-store"
        return answer
