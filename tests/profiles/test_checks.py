import pytest

from loadtest.errors import ProfileError
from loadtest.profiles import load

POLL = "pace: {every: 2s}, requests: [{get: /x}]"
STREAM = "websocket: '/ws?depth=5'"
PLAIN_LOAD = "[{ramp: 10, over: 1s}, {hold: 1m}]"


def problems(
    users: dict[str, str], stages: str = PLAIN_LOAD, slo: str = "[]", target: str = "url: demo, clock: same"
) -> list[str]:
    groups = "".join(f"  {name}: {{{text}}}\n" for name, text in users.items())
    text = f"name: x\ntarget: {{{target}}}\nload: {stages}\nslo: {slo}\nusers:\n{groups}"
    try:
        load(text, path="p")
    except ProfileError as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    ("users", "stages", "told"),
    [
        # counts against a peak of 10
        ({"a": f"{POLL}, count: 10"}, PLAIN_LOAD, None),
        ({"a": f"{POLL}, count: 9", "b": f"{POLL}, share: 1"}, PLAIN_LOAD, None),
        (
            {"a": f"{POLL}, count: 11"},
            PLAIN_LOAD,
            "p:6: users.a.count: makes 11 users, but the load never has more than 10",
        ),
        (
            {"a": f"{POLL}, count: 5", "b": f"{POLL}, count: 6"},
            PLAIN_LOAD,
            "p:7: users.b.count: makes 11 users together with the other counts, but the load never has more than 10",
        ),
        (
            {"a": f"{POLL}, count: 9"},
            PLAIN_LOAD,
            "p:6: users.a.count: leaves 1 of the load's 10 users to nobody: give a group a share, or raise a count",
        ),
        (
            {"a": f"{POLL}, count: 10", "b": POLL},
            PLAIN_LOAD,
            "p:6: users.a.count: leaves no users for b: all 10 are counted out",
        ),
        # loads per group
        ({"a": POLL, "b": POLL}, "{a: [{ramp: 5, over: 1s}], b: [{step: 1}, {hold: 5s}]}", None),
        (
            {"a": POLL, "b": POLL},
            "{a: [{ramp: 5, over: 1s}]}",
            "p:3: load: has no stages for b: give every group its own, or one list for all of them",
        ),
        (
            {"pollers": POLL},
            "{pollers: [{ramp: 5, over: 1s}], polers: [{hold: 5s}]}",
            "p:3: load.polers: there is no group of this name; did you mean pollers?",
        ),
        (
            {"a": f"{POLL}, share: 1"},
            "{a: [{ramp: 5, over: 1s}]}",
            "p:6: users.a.share: means nothing where each group has a load of its own: leave it out",
        ),
        # loads that are none
        ({"a": POLL}, "[{hold: 5s}]", "p:3: load: never has a user: ramp or step to more than 0"),
        (
            {"a": POLL},
            "[{hold: 0s}]",
            "p:3: load: takes no time: give it a hold, a spike, or a ramp with an over of more than 0s",
        ),
        (
            {"a": POLL},
            "[{ramp: 5, over: 1s}, {step: 9}]",
            "p:3: load.1: is over at once where it stands last: let a hold follow",
        ),
        (
            {"a": POLL},
            "{a: [{ramp: 5, over: 1s}, {ramp: 9, over: 0s}]}",
            "p:3: load.a.1: is over at once where it stands last: let a hold follow",
        ),
        # cuts that never come
        ({"a": f"{STREAM}, session: {{cut_every: 60s}}"}, PLAIN_LOAD, None),
        (
            {"a": f"{STREAM}, session: {{cut_every: 61s}}"},
            PLAIN_LOAD,
            "p:6: users.a.session.cut_every: never happens: the load is over before",
        ),
    ],
)
def test_groups_and_load_must_fit_together(users: dict[str, str], stages: str, told: str | None) -> None:
    assert problems(users, stages) == ([] if told is None else [told])
