import pytest
import yaml
from pydantic import ValidationError

from loadtest.profiles import Overrides, load

TEXT = """\
name: full
description: not canary-b1
target: {url: "http://a:1", token: "${WS_AUTH_TOKEN}", headers: {X-Api-Key: canary-h1, Accept: text/plain}}
users:
  subscribers:
    websocket: /ws?token=canary-q1&depth=5
    count: 3
    send: [hello, {json: {login: {password: canary-j1}}}, {text: "${APP_SECRET}"}, {binary: AAEC}]
    session: {length: 1s..2s, reconnect: false}
    headers: {Authorization: Bearer canary-b1}
  pollers:
    pace: {pause: 0s..1m30s}
    requests: [{post: /x, json: [1, null, "5"], weight: 0.5, expect: {status: [200, 201], contains: "1"}}]
load: {subscribers: [{ramp: 8, over: 10s}, {spike: 9, over: 1s}], pollers: [{step: 1}, {hold: 500ms}]}
slo: ["errors < 1%", 'pollers service "POST /x" p99.9 <= 1500us']
""".replace("    count: 3\n", "").replace(", reconnect: false", "")
ENVIRON = {"WS_AUTH_TOKEN": "canary-t1", "APP_SECRET": "canary-s1"}


def test_what_was_resolved_can_be_read_again_and_means_the_same() -> None:
    profile = load(TEXT, environ=ENVIRON)
    again = load(profile.resolved())
    assert again.load == profile.load
    assert again.slo == profile.slo
    assert again.users["pollers"] == profile.users["pollers"]
    assert again.plan == profile.plan


def test_nothing_that_is_printed_shows_a_secret() -> None:
    profile = load(TEXT, environ=ENVIRON)
    printed = f"{profile.resolved()} {profile} {profile!r} {profile.digests()}"
    assert "canary" not in printed.replace("not canary-b1", "")
    assert "text/plain" in printed
    assert "depth=5" in printed


def test_the_resolved_text_hides_secrets_in_other_places_too() -> None:
    assert yaml.safe_load(load(TEXT, environ=ENVIRON).resolved())["description"] == "not ***"


def test_the_secrets_are_known_to_whoever_writes_logs() -> None:
    known = {f"canary-{part}" for part in ("t1", "s1", "h1", "q1", "j1", "b1")}
    assert known <= load(TEXT, environ=ENVIRON).secrets()
    assert (
        ""
        not in load(
            "name: a\ntarget: {url: demo}\nusers: {a: {websocket: /x}}\nload: [{step: 1}, {hold: 1s}]"
        ).secrets()
    )


def test_the_resolved_text_says_how_the_load_was_rescaled() -> None:
    text = load(TEXT, environ=ENVIRON, overrides=Overrides(users=20, duration=22.0)).resolved()
    assert text.startswith("# As run: 20 users at most, 22s, rescaled by --users 20 --duration 22s.\n")


def test_the_digests_tell_which_section_differs() -> None:
    digests = load(TEXT, environ=ENVIRON).digests()
    other = load(
        TEXT.replace("Accept: text/plain", "Accept: text/html"), environ={**ENVIRON, "WS_AUTH_TOKEN": "other"}
    ).digests()
    assert {name for name, digest in digests.items() if other[name] != digest} == {"target", "target.token"}
    sections = {"name", "description", "seed", "target", "target.token", "users", "load", "limits", "slo"}
    assert set(digests) == sections | {"on_worker_loss", "rebalance_rate"}


@pytest.mark.parametrize(
    "overrides",
    [
        Overrides(target="http://b:2"),  # every worker may reach the target by another name
        Overrides(users=5, duration=60.0),  # the master alone follows the plan
    ],
)
def test_what_may_differ_between_master_and_worker_is_in_no_digest(overrides: Overrides) -> None:
    assert load(TEXT, environ=ENVIRON, overrides=overrides).digests() == load(TEXT, environ=ENVIRON).digests()


def test_a_profile_prints_in_one_line() -> None:
    text = "name: a\ntarget: {url: demo}\nusers: {s: {websocket: /x}}\nload: [{ramp: 80, over: 30s}, {hold: 2m}]"
    assert str(load(text)) == "a: 80 users at most, 2m30s; s (websocket)"


def test_a_profile_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load(TEXT, environ=ENVIRON).seed = 2
