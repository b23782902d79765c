"""dashboard/tabs.py: Locust's page gets tabs, and with its statistics their rows."""

import pytest
from flask import Flask, Response, jsonify
from monitored import record, summed

from loadtest.dashboard import tabs
from loadtest.dashboard.tabs import TABS, figure, rows, share
from loadtest.monitor import Moment, Seen, Span, Status, status_of
from loadtest.slo import parse


def shown() -> Status:
    kinds = {"market": "websocket"}
    moment = Moment(
        run_id="r1",
        kinds=kinds,
        thresholds=(parse("market delivery p99 < 20ms", kinds),),
        workers=(Seen("w1", "running", 0, 1200, {"cpu": 0.256, "lag_max": 0.0123, "descriptors": 40.0}),),
    )
    summary = summed(record(0, endings={"market": {"closed by server: 1001": 1200}}))
    return status_of(moment, summary, Span.sum([]))


@pytest.mark.parametrize("base_path", ["", "/load"])
def test_the_rows_come_with_locusts_statistics_and_with_nothing_else(base_path: str) -> None:
    app = Flask("locust")

    @app.get(f"{base_path}/stats/requests")
    def stats() -> Response:
        return jsonify({"state": "running"})

    @app.get(f"{base_path}/tasks")
    def tasks() -> Response:
        return jsonify({})

    tabs.install(app, {}, shown, base_path)
    client = app.test_client()
    answer = client.get(f"{base_path}/stats/requests").get_json()
    assert answer["state"] == "running"
    assert [table["key"] for table in answer["extended_stats"]] == list(TABS)
    assert client.get(f"{base_path}/tasks").get_json() == {}


def test_every_tab_has_a_table_and_every_column_a_cell() -> None:
    arguments: dict[str, object] = {}
    tabs.install(Flask("locust"), arguments, shown)
    assert arguments["extended_tabs"] == [
        {"title": "Streams", "key": "load-streams"},
        {"title": "Workers", "key": "load-workers"},
        {"title": "SLOs", "key": "load-slos"},
        {"title": "Ledger", "key": "load-ledger"},
        {"title": "Causes", "key": "load-causes"},
    ]
    for key, data in rows(shown()).items():
        assert data
        assert all(set(row) == set(TABS[key][1]) for row in data)


def test_a_row_is_text_for_people() -> None:
    (cause,) = rows(shown())["load-causes"]
    assert cause == {"group": "market", "name": "closed by server: 1001", "count": "1,200"}
    (worker,) = rows(shown())["load-workers"]
    assert (worker["users"], worker["cpu"], worker["lag"], worker["offset"]) == ("1,200", "25.6%", "12.3", "–")
    (slo,) = rows(shown())["load-slos"]
    assert (slo["verdict"], slo["observed"], slo["margin"]) == ("no-data", "no samples", "–")


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0"), (0.12345, "0.123"), (12.34, "12.3"), (1234.5, "1,234"), (99.96, "100")]
)
def test_a_figure_has_three_digits(value: float | None, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (1.0, "100%"), (0.999999, "99.99+%"), (0.9999, "99.99%"), (0.5, "50%"), (-49.0, "-4900%")],
)
def test_a_share_is_never_rounded_up_to_all(value: float | None, text: str) -> None:
    assert share(value) == text
