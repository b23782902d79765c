"""dashboard/page_state.py: the page goes on asking until the run has stopped."""

import pytest
from flask import Flask, Response, jsonify

from loadtest.dashboard import page_state


@pytest.fixture
def app() -> Flask:
    app = Flask("locust")
    app.config["state"] = "ready"

    @app.get("/stats/requests")
    def stats() -> Response:
        return jsonify({"state": app.config["state"], "user_count": 3})

    @app.get("/other")
    def other() -> Response:
        return jsonify({"state": "stopping"})

    page_state.install(app)
    return app


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("running", "running"),
        ("stopping", "running"),  # or the page would never ask again
        ("stopped", "stopped"),  # the end is shown
    ],
)
def test_a_stopping_run_is_shown_as_running_until_it_has_stopped(app: Flask, state: str, shown: str) -> None:
    app.config["state"] = state
    assert app.test_client().get("/stats/requests").get_json() == {"state": shown, "user_count": 3}


def test_other_answers_are_left_alone(app: Flask) -> None:
    assert app.test_client().get("/other").get_json() == {"state": "stopping"}
