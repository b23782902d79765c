import pytest

from backend.settings import Settings, SettingsError


def test_without_variables_the_settings_are_the_targets() -> None:
    settings = Settings.from_environ({})
    assert (settings.token, settings.max_connections_per_address, settings.queue_size) == ("", 5, 50)
    assert (settings.throttle, settings.heartbeat_interval, settings.heartbeat_timeout) == (0.5, 30.0, 10.0)


def test_the_throttle_is_given_in_milliseconds_and_kept_in_seconds() -> None:
    assert Settings.from_environ({"WS_THROTTLE_INTERVAL_MS": "250"}).throttle == 0.25


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert Settings.from_environ({"WS_QUEUE_SIZE": " "}).queue_size == 50


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("WS_QUEUE_SIZE", "0", "must be at least 1"),  # a queue of none could hold nothing
        ("WS_QUEUE_SIZE", "many", "must be a whole number"),
        ("DEMO_TICK_RATE", "0", "must be more than 0"),  # a market that never changes broadcasts nothing
        ("DEMO_TICK_RATE", "nan", "must be more than 0"),  # floats have it, rates don't
        ("WS_HEARTBEAT_INTERVAL", "soon", "must be a number"),
        ("DEMO_ALERT_RATE", "-1", "must be 0 or more"),
        ("DEMO_COMPRESSION", "yes", "must be 0 or 1"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, value: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: {problem}"):
        Settings.from_environ({name: value})


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError, match=r"WS_QUEUE_SIZE: .*; DEMO_SEED: "):
        Settings.from_environ({"WS_QUEUE_SIZE": "x", "DEMO_SEED": "y"})


def test_a_token_is_never_printed() -> None:
    assert "canary" not in repr(Settings(token="canary"))  # noqa: S106 - that is the point
