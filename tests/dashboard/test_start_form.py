"""dashboard/start_form.py: the script is served, and added to the page and to nothing else."""

import pytest
from flask import Blueprint, Flask, Response, jsonify

from loadtest.dashboard import start_form


def locust_page(base_path: str) -> Flask:
    app = Flask("locust")
    pages = Blueprint("pages", __name__)

    @pages.get("/")
    def index() -> str:
        return "<html><head><title>x</title></head><body></head></body></html>"

    @pages.get("/json")
    def stats() -> Response:
        return jsonify({"text": "</head>"})

    app.register_blueprint(pages, url_prefix=base_path or None)
    start_form.install(app, base_path)
    return app


@pytest.mark.parametrize("base_path", ["", "/load"])
def test_the_page_loads_the_script_once(base_path: str) -> None:
    client = locust_page(base_path).test_client()
    page = client.get(f"{base_path}/").get_data(as_text=True)
    assert page.count(f'<script src="{base_path}/loadtest/start-form.js" defer></script></head>') == 1
    script = client.get(f"{base_path}/loadtest/start-form.js")
    assert script.mimetype == "text/javascript"
    assert "Custom parameters" in script.get_data(as_text=True)


def test_other_answers_are_left_alone() -> None:
    assert locust_page("").test_client().get("/json").get_json() == {"text": "</head>"}
