from backend.alerts import Alerts

KEYS = {"id", "alert_type", "severity", "symbol", "message", "timestamp", "data"}


def made(rate: float = 10.0, seconds: int = 30) -> Alerts:
    alerts = Alerts(1, rate)
    for second in range(seconds + 1):
        alerts.due(float(second), 1_700_000_000.0 + second)
    return alerts


def test_alerts_come_at_their_rate() -> None:
    alerts = Alerts(1, 10.0)
    assert alerts.due(0.09, 0.0) == []
    assert 285 < len(alerts.due(30.0, 0.0)) < 315


def test_no_rate_means_no_alerts() -> None:
    assert Alerts(1, 0.0).due(1e9, 0.0) == []


def test_an_alert_has_what_the_target_tells_and_no_type_of_its_own() -> None:
    (newest,) = made().latest(1)
    assert set(newest) == KEYS
    assert "type" not in newest  # that key marks status messages


def test_the_newest_alert_comes_first_and_only_the_last_are_kept() -> None:
    numbers = [int(alert["id"].removeprefix("alert-")) for alert in made().latest(200)]
    assert numbers == list(range(numbers[0], numbers[0] - 200, -1))
    assert len(made().latest(1000)) == 200


def test_alerts_are_picked_by_type_and_severity() -> None:
    alerts = made()
    picked = alerts.latest(200, "volume_spike", "critical")
    expected = [
        alert
        for alert in alerts.latest(200)
        if (alert["alert_type"], alert["severity"]) == ("volume_spike", "critical")
    ]
    assert picked == expected != []


def test_a_limit_counts_the_alerts_that_fit() -> None:
    assert [a["severity"] for a in made().latest(5, severity="info")] == ["info"] * 5
