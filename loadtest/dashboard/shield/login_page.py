"""What the login shows: a page without anything from elsewhere, and sentences as JSON for programs."""

from flask import Response, json, render_template_string

from loadtest.dashboard.assets import static

__all__ = ["FILES", "entered", "form", "refusal"]

FILES = ("login.css", "login.js")
"""What the page loads; the only files that are served to everybody."""


def form(
    problem: str = "", *, by_password: bool, by_link: bool, user: str = "", goal: str = "", status: int = 200
) -> Response:
    """Return the page that asks who is there. `goal`: where to go then, below the base path."""
    text = render_template_string(
        static("login.html"), problem=problem, by_password=by_password, by_link=by_link, user=user, goal=goal
    )
    return _private(Response(text, status, mimetype="text/html"))


def entered(goal: str) -> Response:
    """Return a page that goes on by itself.

    Not a redirect: a browser that came from another site's page (a log viewer, say) would not send the new cookie to
    where that leads, since it is for this site alone.
    """
    return _private(Response(render_template_string(static("entered.html"), goal=goal), mimetype="text/html"))


def refusal(sentence: str, status: int, challenge: str | None = None) -> Response:
    """Return a sentence for a program."""
    answer = _private(Response(json.dumps({"error": sentence}), status, mimetype="application/json"))
    if challenge is not None:
        answer.headers["WWW-Authenticate"] = challenge
    return answer


def _private(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
