import re
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Outcome
from test_doctor import MACHINE

from loadtest.cli import plan
from loadtest.errors import ExitCode
from loadtest.schedule import Part, Plan, Stage

Call = Callable[..., Outcome]

TWO_GROUPS = """\
name: two
target: {url: "http://a:1"}
users:
  subscribers: {websocket: /ws, share: 3, session: {cut_every: 10s}}
  pollers: {share: 1, pace: {every: 2s}, requests: [{get: /}]}
load: [{ramp: 40, over: 10s}, {hold: 60s}, {ramp: 0, over: 10s}]
"""


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "read_machine", lambda: MACHINE)


@pytest.fixture
def two(folder: Path) -> str:
    (folder / "profiles/two.yaml").write_text(TWO_GROUPS)
    return "two"


def rows(outcome: Outcome) -> list[list[str]]:
    """The lines of the table: time, users, each group, a worker."""
    return [line.split() for line in outcome.stdout.splitlines() if re.match(r" +\d+:\d\d ", line)]


def test_it_shows_who_is_there_when(call: Call, two: str) -> None:
    outcome = call("plan", two, "--workers", "4")
    assert outcome.code is ExitCode.PASS
    by_time = {row[0]: row[1:5] for row in rows(outcome)}
    assert by_time["0:00"] == ["0", "0", "0", "0"]
    assert by_time["0:10"][:3] == ["40", "30", "10"]
    assert by_time["1:10"][:3] == ["40", "30", "10"]
    assert by_time["1:20"] == ["0", "0", "0", "0"]
    assert len(by_time) < 25


def test_new_users_a_second_are_those_of_the_ramp(call: Call, two: str) -> None:
    arriving = [row for row in rows(call("plan", two)) if row[0] == "0:04"]
    assert arriving[0][5] == "4.0"  # 40 in 10 s


def test_a_plateau_is_its_first_and_its_last_line(call: Call, two: str) -> None:
    assert [row[0] for row in rows(call("plan", two)) if row[1] == "40"] == ["0:10", "1:10"]


def test_it_says_who_is_where_at_the_peak(call: Call, two: str) -> None:
    outcome = call("plan", two, "--workers", "5")
    held = re.findall(r"worker \d +(\d+) connections: (\d+) subscribers, (\d+) pollers", outcome.stdout)
    assert held == [("8", "6", "2")] * 5
    assert "requests: 5/s at most" in outcome.stdout
    assert "connections closed and made again: 3.0/s" in outcome.stdout


def test_of_many_workers_it_shows_a_few(call: Call, two: str) -> None:
    outcome = call("plan", two, "--workers", "40", "--hosts", "40")
    assert "… and 28 more like these" in outcome.stdout


def test_it_names_the_limit_that_is_met_first_and_does_not_pass_what_does_not_fit(call: Call, two: str) -> None:
    assert "descriptors are met first, with 2,000 users" in call("plan", two).stdout
    outcome = call("plan", two, "--users", "3000")
    assert outcome.code is ExitCode.FAIL
    assert "it does not fit: descriptors" in outcome.stdout


def test_a_profile_that_is_wrong_is_2(call: Call, folder: Path) -> None:
    (folder / "profiles/broken.yaml").write_text("name: [")
    assert call("plan", "broken").code is ExitCode.BAD_CONFIGURATION


def test_every_corner_of_the_load_is_shown() -> None:
    stages = [Stage.ramp(10, 3.3), Stage.ramp(50, 60.0), Stage.ramp(0, 0.5)]
    shown = plan.times(Plan.over_total(stages, {"a": Part()}))
    assert {0.0, 3.3, 63.3, 63.8} <= set(shown)
    assert shown == sorted(shown)
