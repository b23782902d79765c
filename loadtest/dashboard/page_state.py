"""Lets Locust's page see the end of a run.

The page asks for statistics every two seconds while the state is running or spawning. If one answer happens to say
"stopping", it never asks again and shows a stopping run until it is reloaded.
"""

from flask import Flask, Response, json, request

__all__ = ["install"]


def install(app: Flask, base_path: str = "") -> None:
    """Call a run that is stopping a running one, in what the page asks; `base_path` is Locust's --web-base-path."""

    def keep_asking(response: Response) -> Response:
        if request.path == f"{base_path}/stats/requests" and response.is_json:
            answer = response.get_json()
            if isinstance(answer, dict) and answer.get("state") == "stopping":
                response.set_data(json.dumps({**answer, "state": "running"}))
        return response

    app.after_request(keep_asking)
