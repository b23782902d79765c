"""docs/api.md and docs/metrics.md explain every key, column and metric, and no other."""

import re
from pathlib import Path

import msgspec
import pytest
from monitored import measured, record, summed

from loadtest.monitor import Moment, Seen, Span, document, exposition, status_of
from loadtest.monitor.points import COLUMNS
from loadtest.slo import parse

DOCS = Path(__file__).parents[2] / "docs"
API = (DOCS / "api.md").read_text()


def rows(title: str, text: str = API) -> list[str]:
    """The names in the first column of the first table after a line."""
    table = text.split(f"\n{title}\n", 1)[1].lstrip().split("\n\n", 1)[0]
    return [name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])]


@pytest.mark.parametrize(
    ("title", "answer"),
    [
        ("## `/api/v1/status`", document.Status),
        ("`stage`:", document.Stage),
        ("`users`:", document.Users),
        ("`health`:", document.Health),
        ("`streams`:", document.Stream),
        ("`requests`:", document.Requests),
        ("`times`:", document.Times),
        ("`workers`:", document.WorkerStatus),
        ("`slos`:", document.Objective),
        ("`ledger`:", document.Connections),
        ("`causes`:", document.Cause),
        ("`ending`:", document.Ending),
        ("## `/api/v1/timeline`", document.Timeline),
    ],
)
def test_api_md_explains_every_key(title: str, answer: type[msgspec.Struct]) -> None:
    assert sorted(rows(title)) == sorted(answer.__struct_fields__)


def test_api_md_explains_every_column_in_order() -> None:
    assert tuple(rows("Columns:")) == COLUMNS


def test_metrics_md_explains_every_metric_with_its_labels() -> None:
    health = {"cpu": 0.5, "lag_max": 0.1, "descriptors": 1.0, "clock_error": 0.1, "clock_offset": 0.1}
    groups = {"market": "websocket"}
    summary = summed(
        record(
            0,
            measured("market", "delivery", [0.001]),
            counters={"market": {"messages": 1, "expected_deliveries": 1}},
            errors={"market": {"x": 1}},
        )
    )
    moment = Moment(
        run_id="r1",
        kinds=groups,
        workers=(Seen("w1", "running", 0, 1, health),),
        thresholds=(parse("errors < 1%", groups),),
    )
    text = exposition(status_of(moment, summary, Span.sum([])), summary)
    exposed = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    table = (DOCS / "metrics.md").read_text().split("| metric |", 1)[1].split("\n\n", 1)[0]
    documented = {}
    for line in table.splitlines()[2:]:
        name, kind, labels, _ = (cell.strip() for cell in line.strip("|").split("|", 3))
        documented[name.strip("`")] = set(re.findall(r"`(\w+)`", labels))
        assert f"# TYPE {name.strip('`')} {kind}\n" in text
    assert exposed == set(documented)
    for name, labels in documented.items():
        for found in re.findall(rf"^{name}(?:_bucket)?{{([^}}]*)}}", text, re.MULTILINE):
            assert set(re.findall(r"(\w+)=", found)) - {"run_id", "profile", "le"} == labels
