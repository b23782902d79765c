"""The profiles in profiles/, and docs/profiles.md, against the models."""

import re
from pathlib import Path

import pytest

from loadtest import profiles
from loadtest.profiles import Overrides, Profile, RestGroup, WebSocketGroup, discover, load, load_file
from loadtest.profiles.group import Group
from loadtest.profiles.limits import LimitsSection
from loadtest.profiles.load_stages import Hold, Ramp, Spike, Step
from loadtest.profiles.section import Section

ROOT = Path(__file__).parents[2]
SHIPPED = discover(ROOT / "profiles")
DOCS = (ROOT / "docs/profiles.md").read_text()
SECTIONS: dict[str, type[Section]] = {
    "profile": Profile,
    "target": profiles.Target,
    "group": Group,
    "websocket": WebSocketGroup,
    "message": profiles.Message,
    "expect of messages": profiles.MessageCheck,
    "not_data": profiles.Matcher,
    "send_time": profiles.SendTime,
    "freshness": profiles.Freshness,
    "read": profiles.Read,
    "session": profiles.Session,
    "reconnect": profiles.Reconnect,
    "rest": RestGroup,
    "pace": profiles.Pace,
    "request": profiles.Request,
    "upload": profiles.Upload,
    "expect of answers": profiles.AnswerCheck,
    "ramp": Ramp,
    "hold": Hold,
    "step": Step,
    "spike": Spike,
    "limits": LimitsSection,
}


@pytest.mark.parametrize(
    ("name", "peak", "duration", "users"),
    [
        ("smoke", 10, 30, {"market": 2, "foreign": 2, "index": 1, "alerts": 1, "pollers": 4}),
        ("market-stream", 500, 140, {"subscribers": 500}),
        ("foreign-flow", 500, 140, {"pollers": 500}),
        ("rest-mix", 100, 130, {"pollers": 100}),
        ("market-open-burst", 800, 180, {"subscribers": 300, "pollers": 500}),
        ("reconnect-storm", 100, 120, {"subscribers": 100}),
        ("slow-consumer", 60, 88, {"subscribers": 50, "laggards": 10}),
        ("open-arrivals", 20, 120, {"subscribers": 20, "visitors": 100}),
        ("demo", 40, 20, {"market": 20, "foreign": 10, "pollers": 10}),
    ],
)
def test_a_shipped_profile_has_the_planned_load(name: str, peak: int, duration: float, users: dict[str, int]) -> None:
    profile = load_file(SHIPPED[name])
    assert (profile.name, profile.plan.peak, profile.plan.duration) == (name, peak, duration)
    assert profile.plan.users_at(duration / 2) == users


def test_every_shipped_profile_is_planned_and_documented() -> None:
    named = re.findall(
        r"^\| `([a-z-]+)` \|", DOCS.partition("## The shipped profiles")[2].partition("\n## ")[0], re.MULTILINE
    )
    assert sorted(named) == sorted(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile_runs_against_any_target_with_any_token(name: str) -> None:
    profile = load_file(SHIPPED[name], {"LOADTEST_TARGET": "http://backend:8000", "WS_AUTH_TOKEN": "12345"})
    assert (profile.target.urls, profile.target.token) == (("http://backend:8000",), "12345")
    assert load_file(SHIPPED[name]).target.urls == ("demo",)


@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in ("foreign-flow", "rest-mix")])
def test_a_shipped_profile_can_be_judged_by_pings_where_there_are_no_send_times(name: str) -> None:
    profile = load_file(SHIPPED[name], overrides=Overrides(settings=("slo.0=websocket ping p99 < 100ms",)))
    assert str(profile.slo[0]) == "websocket ping p99 < 100ms"


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_docs_explain_every_key_of_a_section_and_no_other(heading: str) -> None:
    name, _, rest = heading.partition(" ")
    title = re.escape(f"`{name}` {rest}".rstrip())
    pattern = rf"^##+ {title}\n(.*?)(?=^##|\Z)"
    found = re.search(pattern, DOCS, re.MULTILINE | re.DOTALL)
    assert found, heading
    table = re.findall(r"^\| `(\w+)` \|.*\|.*\|.*\|.*\|$", found[1], re.MULTILINE)
    model = SECTIONS[heading]
    general = set(Group.known_keys()) if heading in ("websocket", "rest") else set()
    assert sorted(table) == sorted(model.known_keys().keys() - general)


def test_the_docs_know_every_section() -> None:
    known = {model for model in vars(profiles).values() if isinstance(model, type) and issubclass(model, Section)}
    assert known <= set(SECTIONS.values())


def test_the_example_in_the_docs_is_a_profile() -> None:
    text = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)[0]
    assert load(text).name == "quotes"
