"""dashboard/shield/alive.py: the probe's page."""

import pytest
from flask import Flask

from loadtest.dashboard.shield import alive


@pytest.mark.parametrize("base_path", ["", "/load"])
def test_a_probe_gets_ok_and_nothing_else(base_path: str) -> None:
    app = Flask("locust")
    alive.install(app, base_path)
    for path in {"/healthz", f"{base_path}/healthz"}:
        answer = app.test_client().get(path)
        assert (answer.status_code, answer.get_data()) == (200, b"ok\n")
