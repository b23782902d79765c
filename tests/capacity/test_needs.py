import pytest

from loadtest.capacity import Needs, needs_of
from loadtest.capacity.needs import peak_time, request_rate
from loadtest.profiles import Profile, load

PROFILE = """
name: p
target: {url: "http://a:1, http://b:2"}
users:
  subscribers: {websocket: /ws, count: 300, session: {cut_every: 10s}}
  pollers: {count: 500, pace: PACE, requests: [{get: /}]}
load: [{ramp: 800, over: 30s}, {hold: 1m}, {ramp: 0, over: 10s}]
"""


def profile(pace: str = "{every: 2s}") -> Profile:
    return load(PROFILE.replace("PACE", pace))


def test_it_needs_what_there_is_at_the_peak() -> None:
    needs = needs_of(profile(), workers=3, hosts=2)
    assert (needs.users, needs.targets, needs.workers_per_host) == (800, 2, 2)
    assert sum(sum(groups.values()) for groups in needs.placement.values()) == 800
    assert needs.users_per_worker == max(sum(groups.values()) for groups in needs.placement.values())
    assert 800 // 3 <= needs.users_per_worker <= 800 // 3 + 2
    assert needs.connections_per_host == 2 * needs.users_per_worker


def test_the_peak_is_where_the_last_user_has_come() -> None:
    found = profile()
    assert sum(found.plan.users_at(peak_time(found)).values()) == 800
    assert sum(found.plan.users_at(peak_time(found) - 0.1).values()) < 800


@pytest.mark.parametrize(
    ("pace", "rate"),
    [
        ("{every: 2s}", 250.0),  # 500 users, one request each 2 s
        ("{pause: 100ms..500ms}", 500 / 0.3),  # at most: answers take time as well
        ("{pause: 0s}", None),  # as fast as they are answered
    ],
)
def test_the_rate_of_requests_follows_from_the_pace(pace: str, rate: float | None) -> None:
    found = request_rate(profile(pace), {"pollers": 500, "subscribers": 300})
    assert found == (None if rate is None else pytest.approx(rate))


def test_open_arrivals_need_their_highest_rate_and_their_connections() -> None:
    rate = "{rate: [{ramp: 50/s, over: 5s}, {spike: 700/s, over: 1s}]}"
    found = load(
        PROFILE.replace("PACE", rate).replace("count: 500, ", "connections: 40, ").replace("ramp: 800", "ramp: 300")
    )
    assert request_rate(found, {"pollers": 40}) == 700
    assert needs_of(found, workers=1).users == 340
    assert sum(found.plan.users_at(peak_time(found)).values()) == 340


def test_sessions_that_are_cut_come_back_at_that_rate() -> None:
    needs = needs_of(profile(), workers=4)
    assert needs.churn == pytest.approx(30.0)  # 300 subscribers every 10 s
    assert needs.waiting_per_host == 1800


def test_without_a_profile_only_workers_and_machines_count() -> None:
    needs = Needs(workers=5, hosts=2, users=0, targets=1)
    assert (needs.workers_per_host, needs.users_per_worker, needs.connections_per_host) == (3, 0, 0)
