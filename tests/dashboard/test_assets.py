"""dashboard/assets.py: files of our own, and tags in the head of Locust's page alone."""

import pytest
from flask import Flask, Response, jsonify

from loadtest.dashboard.assets import add_to_head, serve, static


@pytest.mark.parametrize(
    ("path", "mimetype"), [("/x.js", "text/javascript"), ("/x.css", "text/css"), ("/x.html", "text/html")]
)
def test_a_file_has_the_type_of_its_ending(path: str, mimetype: str) -> None:
    app = Flask("locust")
    serve(app, "files", {path: "text"}, "/load")
    answer = app.test_client().get(f"/load{path}")
    assert (answer.mimetype, answer.get_data(as_text=True)) == (mimetype, "text")


def test_tags_go_into_the_head_of_the_page_and_into_nothing_else() -> None:
    app = Flask("locust")

    @app.get("/load/")
    def page() -> str:
        return "<head></head><body></head></body>"

    @app.get("/load/json")
    def answer() -> Response:
        return jsonify("</head>")

    add_to_head(app, "<x>", "/load")
    client = app.test_client()
    assert client.get("/load/").get_data(as_text=True) == "<head><x></head><body></head></body>"
    assert client.get("/load/json").get_json() == "</head>"


def test_a_static_file_is_shipped() -> None:
    assert "<!doctype html>" in static("live.html")
