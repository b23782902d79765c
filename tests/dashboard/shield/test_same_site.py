"""dashboard/shield/same_site.py: whose requests pass."""

import pytest
from flask import Flask

from loadtest.dashboard.shield import same_site

OURS = "127.0.0.1:8089"


def page(bound_to: str) -> Flask:
    app = Flask("locust")
    app.add_url_rule("/", "index", lambda: "page", methods=["GET", "POST"])
    same_site.install(app, bound_to)
    return app


def status(method: str, headers: dict[str, str], bound_to: str = "127.0.0.1") -> int:
    return page(bound_to).test_client().open("/", method=method, headers={"Host": OURS, **headers}).status_code


@pytest.mark.parametrize(
    ("method", "headers", "code"),
    [
        ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{OURS}"}, 200),  # the page's own script
        ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"}, 200),  # the browser knows best
        ("POST", {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:9"}, 403),  # another port of this machine
        ("POST", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Origin": f"http://{OURS}"}, 200),  # a browser without Fetch Metadata
        ("POST", {"Origin": "http://evil.example"}, 403),
        ("POST", {"Origin": "http://["}, 403),  # what is no URL
        ("POST", {"Origin": "null"}, 403),  # a sandboxed frame
        ("POST", {}, 200),  # curl
        ("DELETE", {"Origin": "http://evil.example"}, 403),
        ("GET", {"Sec-Fetch-Site": "cross-site"}, 200),  # a link to the page
    ],
)
def test_only_its_own_page_changes_anything(method: str, headers: dict[str, str], code: int) -> None:
    if method == "DELETE":
        app = page("127.0.0.1")
        app.add_url_rule("/x", "x", lambda: "x", methods=["DELETE"])
        assert app.test_client().delete("/x", headers={"Host": OURS, **headers}).status_code == code
    else:
        assert status(method, headers) == code


@pytest.mark.parametrize(
    ("host", "bound_to", "code"),
    [
        ("localhost:8089", "127.0.0.1", 200),
        ("[::1]:8089", "::1", 200),
        ("evil.example:8089", "127.0.0.1", 403),  # DNS rebinding: his name, our address
        ("evil.example:8089", "0.0.0.0", 200),  # served to others, under whatever name they have for it
        ("", "127.0.0.1", 403),
    ],
)
def test_a_page_for_this_machine_answers_to_this_machines_names_only(host: str, bound_to: str, code: int) -> None:
    assert status("GET", {"Host": host}, bound_to) == code
