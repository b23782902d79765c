"""dashboard/shield/headers.py: on a page as Locust makes it."""

import re

from flask import Flask, render_template_string
from flask_cors import CORS

from loadtest.dashboard.shield import headers

PAGE = '<script src="a.js"></script><script>window.templateArgs = {{ value|tojson }}</script>'


def locust_page() -> Flask:
    app = Flask("locust")
    CORS(app)
    app.debug = True
    app.add_url_rule("/", "index", lambda: render_template_string(PAGE, value="</script><script>evil()"))
    app.add_url_rule("/json", "json", lambda: {"text": "<script>"})
    return app


def test_flask_cors_reflects_any_origin_unless_its_headers_are_taken_away() -> None:
    app = locust_page()
    asked = {"Origin": "http://evil.example"}
    assert app.test_client().get("/", headers=asked).headers.get("Access-Control-Allow-Origin")
    app = locust_page()
    headers.install(app)
    for method in ("get", "options"):
        answer = getattr(app.test_client(), method)("/", headers=asked)
        assert not [name for name in dict(answer.headers) if name.lower().startswith("access-control")]
    assert app.debug is False


def test_each_answer_has_a_nonce_of_its_own_on_every_script_that_the_server_wrote() -> None:
    app = locust_page()
    headers.install(app)
    seen = set()
    for _ in range(2):
        answer = app.test_client().get("/")
        text = answer.get_data(as_text=True)
        (nonce,) = set(re.findall(r"<script nonce=([0-9a-f]{32})", text))
        assert text.count("<script") == text.count(nonce) == 2
        assert f"script-src 'self' 'nonce-{nonce}';" in answer.headers["Content-Security-Policy"]
        seen.add(nonce)
    assert len(seen) == 2


def test_other_answers_are_unchanged_and_run_no_script() -> None:
    app = locust_page()
    headers.install(app)
    answer = app.test_client().get("/json")
    assert answer.get_json() == {"text": "<script>"}
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
