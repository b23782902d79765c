import pytest

from loadtest.errors import UsageError
from loadtest.profiles.document import Document
from loadtest.profiles.overrides import Overrides, apply

TEXT = "target: {url: demo}\nusers:\n  a: {share: 1}\nload:\n  - {ramp: 5, over: 1s}\n  - {hold: 1m}\n"


def changed(*settings: str, target: str | None = None) -> Document:
    document = Document(TEXT, "p.yaml", {})
    apply(Overrides(target=target, settings=settings), document)
    return document


def test_the_environment_says_the_same_as_the_command_line() -> None:
    environ = {
        "LOADTEST_TARGET": "http://a:1",
        "LOADTEST_USERS": "5",
        "LOADTEST_DURATION": "1m30s",
        "LOADTEST_SET": '["a=1", "b=2"]',
    }
    assert Overrides.from_environ(environ) == Overrides("http://a:1", 5, 90.0, ("a=1", "b=2"))
    assert Overrides.from_environ({"LOADTEST_DURATION": "30"}).duration == 30


def test_an_empty_variable_changes_nothing() -> None:
    names = ("LOADTEST_TARGET", "LOADTEST_USERS", "LOADTEST_DURATION", "LOADTEST_SET")
    assert Overrides.from_environ(dict.fromkeys(names, "")) == Overrides()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("LOADTEST_USERS", "many", "LOADTEST_USERS: must be a whole number"),
        ("LOADTEST_DURATION", "long", "LOADTEST_DURATION: must be a duration such as 100ms, 10s or 1m30s"),
        ("LOADTEST_SET", "a=1", 'LOADTEST_SET: must be a JSON list of texts, such as ["load.0.ramp=10"]'),
        ("LOADTEST_SET", "[1]", 'LOADTEST_SET: must be a JSON list of texts, such as ["load.0.ramp=10"]'),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(name: str, value: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        Overrides.from_environ({name: value})
    assert str(caught.value) == told


def test_the_nearer_change_wins_and_settings_add_up() -> None:
    near, far = Overrides(users=5, settings=("b=2",)), Overrides("demo", 9, 60.0, ("a=1",))
    assert near.over(far) == Overrides("demo", 5, 60.0, ("a=1", "b=2"))


def test_settings_are_not_printed_since_one_may_be_a_token() -> None:
    assert "canary" not in repr(Overrides(settings=("target.token=canary",)))


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("load.0.ramp=10", ("load", 0, "ramp"), "10"),
        ("load.2={step: 3}", ("load", 2), {"step": "3"}),  # one past the end appends
        ("users.a.pace.every=2s", ("users", "a", "pace"), {"every": "2s"}),  # what isn't there is made
        ("slo=[errors < 1%]", ("slo",), ["errors < 1%"]),
        ("slo.0=a = b", ("slo",), {"0": "a = b"}),  # there is no list yet; VALUE may have =
        ("target.url=", ("target", "url"), None),
        ("description=${HOME}", ("description",), "${HOME}"),  # the shell's business
    ],
)
def test_a_setting_changes_one_key(setting: str, path: tuple[str | int, ...], value: object) -> None:
    document = changed(setting)
    place = document.data
    for part in path:
        place = place[part]
    assert place == value
    assert not document.problems


def test_of_two_settings_the_later_wins() -> None:
    assert changed("load.0.ramp=1", "load.0.ramp=2").data["load"][0]["ramp"] == "2"


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("load.ramp=10", "--set load.ramp: load is a list with 2 entries: use a number from 0 to 2"),
        ("load.3.ramp=10", "--set load.3.ramp: load is a list with 2 entries: use a number from 0 to 2"),
        ("load.-1.ramp=10", "--set load.-1.ramp: load is a list with 2 entries: use a number from 0 to 2"),
        ("target.url.port=1", "--set target.url.port: target.url is a single value: nothing can be set inside it"),
        ("canary", "--set: write --set KEY=VALUE, such as --set load.0.ramp=10"),  # not repeated: who knows what it is
        ("a..b=1", "--set: write --set KEY=VALUE, such as --set load.0.ramp=10"),
        ("=1", "--set: write --set KEY=VALUE, such as --set load.0.ramp=10"),
        ("name=[canary", "--set name: the value is not YAML: put it in quotes, inside the shell's own"),
        ("name=!!python/name:os.system", "--set name: the value is not YAML: put it in quotes, inside the shell's own"),
    ],
)
def test_a_setting_that_cannot_be_made_is_named(setting: str, told: str) -> None:
    assert changed(setting).problems.lines() == [told]


def test_what_was_set_is_blamed_on_the_option() -> None:
    problems = changed("load.0.ramp=x", "users.b.count=0", target="nowhere").problems
    for path in (("load", 0, "ramp"), ("load", 1, "hold"), ("users", "b", "pace"), ("users", "a"), ("target", "url")):
        problems.add(path, "is odd")
    assert problems.lines() == [
        "p.yaml:3: users.a: is odd",
        "p.yaml:6: load.1.hold: is odd",
        "--set load.0.ramp: is odd",
        "--set users.b.count: users.b.pace: is odd",  # the option made the group
        "--target (or LOADTEST_TARGET): target.url: is odd",
    ]
