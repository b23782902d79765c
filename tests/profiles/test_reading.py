import re
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadtest.errors import ProfileError
from loadtest.profiles import Overrides, Profile, load

GOOD = """\
name: good
target: {url: demo, token: "${WS_AUTH_TOKEN:-}"}
users:
  subscribers:
    websocket: /ws/market
    share: 3
  pollers:
    share: 5
    pace: {every: 2s}
    requests:
      - {get: /api/x}
load:
  - {ramp: 8, over: 10s}
  - {hold: 10s}
slo:
  - errors < 1%
"""


def problems(text: str, overrides: Overrides = Overrides(), **environ: str) -> list[str]:  # noqa: B008 - frozen
    with pytest.raises(ProfileError) as caught:
        load(text, path="profiles/x.yaml", environ=environ, overrides=overrides)
    return caught.value.problems


def edited(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_profile_is_read() -> None:
    profile = load(GOOD)
    assert (profile.name, profile.seed, list(profile.users)) == ("good", 1, ["subscribers", "pollers"])
    assert profile.plan.users_at(10) == {"subscribers": 3, "pollers": 5}
    assert [str(threshold) for threshold in profile.slo] == ["errors < 1%"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (edited("every: 2s", "every: 0s"), ":9: users.pollers.pace.every: must be more than 0"),
        (
            edited("name: good", "name: two words"),
            ":1: name: must be a letter or digit, then letters, digits, . _ and - (64 at most)",
        ),
        (edited("name: good", "seed: 5"), ":1: name: is missing"),
        (edited("name: good", "name: good\nseed: -1"), ":2: seed: must be at least 0"),
        (
            edited("name: good", "name: good\nlimits: {lag: fast}"),
            ":2: limits.lag: must be a duration such as 100ms, 10s or 1m30s, or off",
        ),
        (edited("name: good", "name: good\nlimits: {cpu: 90}"), ":2: limits.cpu: must be a share such as 90%, or off"),
        (
            edited("name: good", "name: good\nlimits: {cpu: 101%}"),
            ":2: limits.cpu: must be a share such as 90%, or off",
        ),
        (
            edited("name: good", "name: good\nlimits: {socket_errors: -1}"),
            ":2: limits.socket_errors: must be at least 0",
        ),
        (edited("name: good", "name: good\nlimits: {lagg: 1s}"), ":2: limits.lagg: unknown key; did you mean lag?"),
        (
            edited("name: good", "name: good\non_worker_loss: restart"),
            ":2: on_worker_loss: must be rebalance, continue or invalidate",
        ),
        (edited("name: good", "name: good\ndescripton: x"), ":2: descripton: unknown key; did you mean description?"),
        (edited("share: 3", "share: three"), ":6: users.subscribers.share: must be a number"),
        (
            edited("  subscribers:", "  mean:"),
            ":4: users.mean: mean means something else in an SLO: choose another name for the group",
        ),
        (edited("requests:", "reqests:"), ":10: users.pollers.reqests: unknown key; did you mean requests?"),
        (
            edited("{get: /api/x}", "{get: /api/x, weight: 0}"),
            ":11: users.pollers.requests.0.weight: must be more than 0",
        ),
        (edited("{hold: 10s}", "{hold: soon}"), ":14: load.1.hold: must be a duration such as 100ms, 10s or 1m30s"),
        (edited("errors < 1%", "- errors < 1%"), ":16: slo.0: must be text"),
        (
            edited("    websocket: /ws/market\n", ""),
            ":4: users.subscribers: needs websocket: /path (subscribers) or requests: [...] (pollers)",
        ),
        (
            re.sub("users:.*load:", "users: {}\nload:", GOOD, flags=re.DOTALL),
            ":3: users: needs at least one group of users",
        ),
        (
            re.sub("users:.*load:", "users: [a]\nload:", GOOD, flags=re.DOTALL),
            ":3: users: must be a mapping of group names to groups",
        ),
        ("just text", ":1: must be a mapping with name, target, users, load and slo"),
    ],
)
def test_a_mistake_is_told_with_line_and_key(text: str, told: str) -> None:
    assert problems(text) == [f"profiles/x.yaml{told}"]


def test_every_mistake_is_told_at_once_in_the_order_of_the_file() -> None:
    text = GOOD.replace("url: demo", "url: ftp://x").replace("share: 3", "share: 0").replace("every: 2s", "evry: 2s")
    text = text.replace("{get: /api/x}", "{get: x}").replace("ramp: 8", "ramp: x").replace("errors <", "eros <")
    assert [line.split(": ")[:2] for line in problems(text)] == [
        ["profiles/x.yaml:2", "target.url"],
        ["profiles/x.yaml:6", "users.subscribers.share"],
        ["profiles/x.yaml:9", "users.pollers.pace.evry"],
        ["profiles/x.yaml:11", "users.pollers.requests.0.get"],
        ["profiles/x.yaml:13", "load.0.ramp"],
        ["profiles/x.yaml:16", "slo.0"],
    ]


def test_a_variable_gives_a_number_where_one_is_wanted_and_text_where_text_is() -> None:
    text = edited("share: 3", "share: ${N:-3}").replace("ramp: 8", 'ramp: "${PEAK}"')
    profile = load(text, environ={"PEAK": "16", "WS_AUTH_TOKEN": "0123"})
    assert (profile.plan.peak, profile.users["subscribers"].share, profile.target.token) == (16, 3.0, "0123")


@pytest.mark.parametrize(
    ("overrides", "peak", "duration"),
    [
        (Overrides(), 8, 20.0),
        (Overrides(users=80), 80, 20.0),
        (Overrides(duration=5.0), 8, 5.0),
        (Overrides(users=80, duration=5.0, settings=("load.1.hold=30s",)), 80, 5.0),
        (Overrides(settings=("load.0.ramp=16", "load.1.hold=30s")), 16, 40.0),
    ],
)
def test_overrides_change_the_plan(overrides: Overrides, peak: int, duration: float) -> None:
    plan = load(GOOD, overrides=overrides).plan
    assert (plan.peak, plan.duration) == (peak, duration)


def test_fixed_counts_are_rescaled_like_shares() -> None:
    text = edited("share: 3", "count: 4")
    assert load(text, overrides=Overrides(users=80)).plan.users_at(15) == {"subscribers": 40, "pollers": 40}


def test_the_target_can_be_replaced_even_where_the_file_has_none() -> None:
    text = edited('target: {url: demo, token: "${WS_AUTH_TOKEN:-}"}\n', "")
    assert load(text, overrides=Overrides(target="http://a:1,http://b:2")).target.urls == ("http://a:1", "http://b:2")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (Overrides(users=0), "--users (or LOADTEST_USERS): must be from 1 to 10000000"),
        (Overrides(duration=0.0), "--duration (or LOADTEST_DURATION): must be more than 0"),
        (Overrides(duration=float("nan")), "--duration (or LOADTEST_DURATION): must be more than 0"),
        (Overrides(settings=("load.0.ramp=x",)), "--set load.0.ramp: must be a whole number"),
        (
            Overrides(settings=("users.pollers.pace.evry=2s",)),
            "--set users.pollers.pace.evry: unknown key; did you mean every?",
        ),
    ],
)
def test_an_override_that_cannot_be_is_named(overrides: Overrides, told: str) -> None:
    assert problems(GOOD, overrides) == [told]


def test_no_mistake_shows_a_secret() -> None:
    text = GOOD.replace("url: demo", "url: http://u:canary1@h:1, headers: {Authorization: [canary2]}")
    text = text.replace("every: 2s", "canary3: 2s").replace("websocket: /ws/market", "websocket: ws?token=canary4")
    told = problems(text, Overrides(settings=("target.token=[canary5]", "canary6")), WS_AUTH_TOKEN="canary3")  # noqa: S106
    assert len(told) == 6
    assert not re.search(r"canary\d", "\n".join(told).replace("users.pollers.pace.***", ""))


def test_what_follows_from_a_mistake_is_not_told_as_another() -> None:
    text = edited("url: demo", "url: '${NOWHERE}'").replace("share: 5", "share: !!python/name:os.system 5")
    assert [line.split(": ")[1] for line in problems(text)] == ["target.url", "users.pollers.share"]


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["1s", "/x", "demo", "errors < 1%"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [*Profile.known_keys(), "a", "get", "websocket", "requests", "ramp", "over", "pace", "session", "send"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries(dict.fromkeys(("name", "target", "users", "load", "slo"), json_values)))
def test_whatever_stands_in_a_file_is_read_or_told_in_sentences(data: dict[str, Any]) -> None:
    text = yaml.safe_dump(data)
    try:
        load(text, path="p.yaml")
    except ProfileError as error:
        told = error.problems
        assert told
        assert all(re.match(r"p\.yaml:\d+:", line) for line in told)
        assert not re.search(
            r"(?i)input|validat|pydantic|<|function|literal|can't be used",
            "\n".join(told).replace("errors < 1%", "").replace("(<, <=, >, >=)", "").replace("p95 < 200ms", ""),
        )
