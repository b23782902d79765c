"""dashboard/shield/start_fields.py: which starts reach Locust."""

import pytest
from flask import Flask, request

from loadtest.dashboard.shield import start_fields
from loadtest.profiles.target import read_urls

OWN = "http://own.example:1"
TARGETS = {"smoke": {OWN}, None: set[str]()}


def page(base_path: str = "") -> Flask:
    app = Flask("locust")
    app.add_url_rule(f"{base_path}/swarm", "swarm", lambda: dict(request.form), methods=["POST"])
    app.add_url_rule(f"{base_path}/user", "user", lambda: "set", methods=["POST"])
    start_fields.install(app, {"load_profile": 1, "peak_users": 1}, TARGETS.__getitem__, read_urls, base_path)
    return app


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"load_profile": "smoke", "peak_users": "3", "user_count": "1", "spawn_rate": "1"}, 200),
        ({"load_profile": "smoke", "host": ""}, 200),  # what the empty field sends
        ({"load_profile": "smoke", "host": OWN}, 200),
        ({"load_profile": "smoke", "host": f"{OWN}/"}, 200),  # the same, written otherwise
        ({"load_profile": "smoke", "host": "http://victim.example"}, 403),
        ({"load_profile": "smoke", "host": f"{OWN},http://victim.example"}, 403),  # hidden behind a good one
        ({"host": OWN}, 403),  # which profile's?
        ({"load_profile": "smoke", "host": "no url"}, 400),
        ({"load_profile": "smoke", "master_bind_host": "0.0.0.0"}, 400),  # any option, as Locust has it
        ({"load_profile": "smoke", "csv_prefix": "/etc/x"}, 400),
    ],
)
@pytest.mark.parametrize("base_path", ["", "/load"])
def test_a_start_sets_what_the_form_offers_and_aims_where_the_profile_does(
    base_path: str, form: dict[str, str], code: int
) -> None:
    assert page(base_path).test_client().post(f"{base_path}/swarm", data=form).status_code == code


def test_user_classes_cannot_be_changed_from_the_page() -> None:
    assert page().test_client().post("/user", json={"user_class_name": "x", "host": "http://victim"}).status_code == 403
