"""swarm/page_login.py: when there is a login, and where its link leads."""

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from loadtest.errors import UsageError
from loadtest.swarm import page_login

PASSWORD = {"LOADTEST_WEB_PASSWORD": "correct horse"}
TOKEN = {"LOADTEST_WEB_TOKEN": "ZkV1m7Hq0eWcT5xYb2nR8sUjL4pAoD9gF3iK6vXtQzM"}
YES = {"LOADTEST_ALLOW_NO_LOGIN": "yes"}


def web_ui(host: str, *, tls: bool = False) -> Any:
    file = "file" if tls else None
    return SimpleNamespace(host=host, port=8089, tls_cert=file, tls_key=file)


@pytest.mark.parametrize(
    ("host", "environ", "status", "links"),
    [
        ("127.0.0.1", {}, 200, 0),
        ("localhost", {}, 200, 0),
        ("127.0.0.1", PASSWORD, 303, 0),
        ("127.0.0.1", TOKEN, 303, 1),
        ("0.0.0.0", {}, 303, 1),
        ("", {}, 303, 1),
        ("10.1.2.3", PASSWORD | TOKEN, 303, 0),
        ("0.0.0.0", PASSWORD | YES, 200, 0),
        ("127.0.0.1", YES, 200, 0),
    ],
)
def test_there_is_a_login_where_others_reach_the_page_or_somebody_was_named(
    host: str, environ: dict[str, str], status: int, links: int
) -> None:
    app = Flask("locust")
    app.add_url_rule("/", "index", lambda: "page")
    said: list[str] = []
    page_login.install(app, web_ui(host), environ, "", said.append)
    assert app.test_client().get("/").status_code == status
    assert len(said) == links
    assert not [line for line in said for value in environ.values() if value in line]


@pytest.mark.parametrize(
    "wrong",
    [
        {"LOADTEST_WEB_PASSWORD": "short"},
        {"LOADTEST_WEB_TOKEN": "x" * 40},
        {"LOADTEST_ALLOW_NO_LOGIN": "1"},
        {"LOADTEST_WEB_URL": "there"},
    ],
)
def test_a_bad_configuration_leaves_no_page_unguarded(wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        page_login.install(Flask("locust"), web_ui("0.0.0.0"), wrong, "", print)
    assert next(iter(wrong)) in str(caught.value)
    assert "x" * 40 not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "tls", "given", "url"),
    [
        ("0.0.0.0", False, None, "http://localhost:8089/load"),
        ("", False, None, "http://localhost:8089/load"),
        ("::", True, None, "https://localhost:8089/load"),
        ("10.1.2.3", False, None, "http://10.1.2.3:8089/load"),
        ("fd00::1", False, None, "http://[fd00::1]:8089/load"),
        ("0.0.0.0", False, "https://load.example", "https://load.example/load"),
        ("0.0.0.0", False, "http://0.0.0.0:9000", "http://localhost:9000/load"),
    ],
)
def test_the_link_leads_where_people_reach_the_page(host: str, tls: bool, given: str | None, url: str) -> None:  # noqa: FBT001
    environ = {"LOADTEST_WEB_URL": given} if given else {}
    assert page_login.page_url(web_ui(host, tls=tls), environ, "/load") == url
