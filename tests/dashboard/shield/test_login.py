"""dashboard/shield/login.py: who gets past the door, and how they came to."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from loadtest.dashboard.shield import alive, headers, login, same_site
from loadtest.dashboard.shield.login_attempts import Attempts
from loadtest.dashboard.shield.login_entrance import Doors
from loadtest.dashboard.shield.login_link import Link
from loadtest.dashboard.shield.login_proof import Password, Token
from loadtest.dashboard.shield.login_sessions import LIFETIME_S, Sessions

PASSWORD = "correct horse"  # noqa: S105 - of this page alone
TOKEN = "ZkV1m7Hq0eWcT5xYb2nR8sUjL4pAoD9gF3iK6vXtQzM"  # noqa: S105 - the same
FIGURES = "<html><head></head>secret figures</html>"
HTML = {"Accept": "text/html,*/*;q=0.8"}


class Page:
    """A page of a few views behind its login, and the clock of both."""

    def __init__(self, base: str = "", *, by_link: bool = False) -> None:
        self.base = base
        self.now = 0.0
        self.codes: list[str] = []
        self.app = Flask("locust")
        headers.install(self.app)
        same_site.install(self.app, "0.0.0.0")
        alive.install(self.app, base)
        for path in ("/", "/live", "/api/v1/status", "/metrics", "/later"):
            self.app.add_url_rule(base + path, path.strip("/") or "index", lambda: FIGURES)
        self.app.add_url_rule(f"{base}/stop", "stop", lambda: "stopped", methods=["POST"])
        doors = Doors(Sessions(self.clock), Attempts(self.clock), Attempts(self.clock), token=Token(TOKEN))
        if by_link:
            doors.link = Link(self.clock, self.codes.append)
        else:
            doors.password = Password("loadtest", PASSWORD)
        login.install(self.app, doors, "loadtest-8089", base)

    def clock(self) -> float:
        """Seconds, by hand."""
        return self.now

    def client(self) -> FlaskClient:
        """A browser without cookies."""
        return self.app.test_client()

    def enter(self, client: FlaskClient, password: str = PASSWORD, user: str = "loadtest") -> int:
        """Log in; the status."""
        return client.post(f"{self.base}/login", data={"user": user, "password": password}).status_code

    def token(self, client: FlaskClient) -> dict[str, str]:
        """What goes with a request that changes something."""
        return {login.HEADER: client.get(f"{self.base}/session").get_json()["token"]}


@pytest.mark.parametrize("base", ["", "/load"])
def test_people_are_sent_to_the_login_and_programs_are_told(base: str) -> None:
    client = Page(base).client()
    for path, goal in (("/", ""), ("/live", "?next=live")):
        answer = client.get(base + path)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{base}/login{goal}")
    assert client.get(f"{base}/later", headers=HTML).status_code == 303
    for path in ("/api/v1/status", "/metrics", "/later"):
        answer = client.get(base + path, headers=HTML if path == "/metrics" else {})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "log in" in answer.get_json()["error"]
        assert b"secret" not in answer.get_data()
    assert client.post(f"{base}/stop").status_code == 401
    assert client.get(f"{base}/healthz").get_data() == client.get("/healthz").get_data() == b"ok\n"


@pytest.mark.parametrize("base", ["", "/load"])
def test_all_that_the_login_loads_is_there_and_comes_from_here(base: str) -> None:
    client = Page(base).client()
    answer = client.get(f"{base}/login")
    text = answer.get_data(as_text=True)
    loaded = re.findall(r'(?:src|href)="(loadtest/[^"]+)"', text)
    assert len(loaded) == 2
    assert all(client.get(f"{base}/{path}").status_code == 200 for path in loaded)
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?://", text)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("base", ["", "/load"])
def test_a_login_gives_a_session_that_a_logout_ends(base: str) -> None:
    page = Page(base)
    client = page.client()
    assert page.enter(client) == 303
    assert b"secret" in client.get(f"{base}/").get_data()
    assert client.get(f"{base}/login").headers["Location"] == f"{base}/"  # once is enough
    assert client.post(f"{base}/logout", headers=page.token(client)).status_code == 303
    assert client.get(f"{base}/api/v1/status").status_code == 401


def test_the_cookie_of_an_ended_session_is_worth_nothing() -> None:
    page = Page()
    client, thief = page.client(), page.client()
    page.enter(client)
    cookie = client.get_cookie("loadtest-8089")
    assert cookie is not None
    thief.set_cookie("loadtest-8089", cookie.value)
    assert thief.get("/api/v1/status").status_code == 200
    client.post("/logout", headers=page.token(client))
    assert thief.get("/api/v1/status").status_code == 401


@pytest.mark.parametrize(
    ("scheme", "forwarded", "secure"),
    [("http", {}, False), ("https", {}, True), ("http", {"X-Forwarded-Proto": "https"}, True)],
)
def test_no_script_and_no_other_site_sees_the_cookie(scheme: str, forwarded: dict[str, str], secure: bool) -> None:  # noqa: FBT001
    page = Page("/load")
    form = {"user": "loadtest", "password": PASSWORD}
    answer = page.client().post("/load/login", data=form, headers=forwarded, base_url=f"{scheme}://there.example")
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/load"} <= set(cookie.split("; "))
    assert ("Secure" in cookie.split("; ")) is secure


def test_a_session_ends_by_itself() -> None:
    page = Page()
    client = page.client()
    page.enter(client)
    page.now = LIFETIME_S - 1
    assert client.get("/api/v1/status").status_code == 200
    page.now = LIFETIME_S
    assert client.get("/api/v1/status").status_code == 401
    assert client.get("/session").get_json() == {"user": None, "token": None, "expires_s": 0}


@pytest.mark.parametrize(
    ("user", "password"),
    [("loadtest", "wrong horse"), ("other", PASSWORD), ("", ""), ("x" * 2000, "y" * 2000)],
)
def test_what_is_wrong_is_not_said(user: str, password: str) -> None:
    page = Page()
    answer = page.client().post("/login", data={"user": user, "password": password})
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (401, False)
    assert "Wrong user or password." in answer.get_data(as_text=True)


def test_what_was_typed_is_text_on_the_page() -> None:
    answer = Page().client().post("/login", data={"user": '"><script>evil()</script>', "password": "x"})
    assert "<script>evil" not in answer.get_data(as_text=True)


def test_who_fails_too_often_waits_even_with_the_right_password() -> None:
    page = Page()
    client = page.client()
    assert [page.enter(client, "wrong horse") for _ in range(6)] == [401] * 5 + [429]
    answer = client.post("/login", data={"user": "loadtest", "password": PASSWORD})
    assert answer.status_code == 429
    page.now += int(answer.headers["Retry-After"])
    assert page.enter(client) == 303


def test_logging_in_well_is_never_too_often() -> None:
    page = Page()
    assert {page.enter(page.client()) for _ in range(12)} == {303}


def test_a_form_that_is_too_long_is_not_read() -> None:
    assert Page().client().post("/login", data={"password": "x" * 20000}).status_code == 413


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/api/v1/status", "..", "live/../x"])
def test_a_login_leads_to_pages_of_ours_alone(wanted: str) -> None:
    page = Page()
    form = {"user": "loadtest", "password": PASSWORD, "next": wanted}
    assert page.client().post("/login", data=form).headers["Location"] == "/"
    assert page.client().post("/login", data=form | {"next": "live"}).headers["Location"] == "/live"


def test_what_changes_something_takes_the_sessions_token() -> None:
    page = Page()
    client, other = page.client(), page.client()
    page.enter(client)
    page.enter(other)
    for wrong in ({}, {login.HEADER: "guess"}, page.token(other)):
        answer = client.post("/stop", headers=wrong)
        assert answer.status_code == 403
        assert login.HEADER in answer.get_json()["error"]
    assert client.post("/logout").status_code == 403
    assert client.post("/stop", headers=page.token(client)).get_data() == b"stopped"


def test_another_site_can_not_log_anybody_in() -> None:
    form = {"user": "loadtest", "password": PASSWORD}
    assert Page().client().post("/login", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_the_pages_get_the_script_that_sends_it_and_are_not_kept() -> None:
    page = Page()
    client = page.client()
    page.enter(client)
    for path in ("/", "/live"):
        answer = client.get(path)
        assert answer.headers["Cache-Control"] == "no-store"
        (source,) = re.findall(r'<script nonce=\w+ src="([^"]+)"', answer.get_data(as_text=True))
        assert client.get(source).status_code == 200


def test_a_program_sends_the_token_and_needs_nothing_else() -> None:
    client = Page().client()
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/metrics", headers=right).status_code == 200
    assert client.get("/api/v1/status", headers={"Authorization": f"bearer  {TOKEN}"}).status_code == 200
    assert client.post("/stop", headers=right).get_data() == b"stopped"
    assert client.get("/metrics", headers={"Authorization": f"Basic {TOKEN}"}).status_code == 401  # a proxy's own


def test_a_wrong_token_is_refused_and_then_not_even_answered_but_the_right_one_is() -> None:
    page = Page()
    client = page.client()
    wrong = {"Authorization": f"Bearer {TOKEN[::-1]}"}
    codes = [client.get("/metrics", headers=wrong).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]
    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert page.enter(client) == 303  # people are not kept out by it


def test_a_link_is_good_for_one_browser() -> None:
    page = Page("/load", by_link=True)
    (code,) = page.codes
    link = f"/load/login?once={code}"
    first, second = page.client(), page.client()
    assert first.head(link).status_code == 200  # a preview doesn't use it up
    assert second.get(link, headers={"Sec-Purpose": "prefetch"}).status_code == 200
    answer = first.get(link)
    assert 'content="0; url=/load/"' in answer.get_data(as_text=True)
    assert first.get("/load/api/v1/status").status_code == 200
    assert second.get(link).status_code == 401
    assert second.get("/load/api/v1/status").status_code == 401


def test_a_link_may_be_pasted() -> None:
    page = Page(by_link=True)
    client = page.client()
    client.post("/login", data={"once": f"http://there:1/login?once={page.codes[0]}"})
    assert client.get("/api/v1/status").status_code == 200


def test_an_old_link_is_refused_and_a_new_one_written_when_somebody_comes() -> None:
    page = Page(by_link=True)
    page.now = 900.0
    assert page.client().get(f"/login?once={page.codes[0]}").status_code == 401
    assert len(page.codes) == 2
    for _ in range(3):
        page.client().get("/login")
    assert len(page.codes) == 2  # it is still good
    assert page.client().get(f"/login?once={page.codes[1]}").status_code == 200
    page.client().get("/login")
    assert len(page.codes) == 2  # used, but written less than a minute ago
    page.now += 60.0
    page.client().get("/login")
    assert len(page.codes) == 3
