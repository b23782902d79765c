"""dashboard/api.py: what is asked is answered, behind the login if there is one."""

import io
import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from flask import Flask, Response

from loadtest.dashboard import api
from loadtest.monitor import History, Moment, Span, Status, Timeline, status_of, timeline_of
from loadtest.results import Summary


class Shown:
    """A Source without a run."""

    since = -1

    def status(self) -> Status:
        return status_of(Moment(), Summary(""), Span.sum([]))

    def timeline(self, since: int) -> Timeline:
        self.since = since
        return timeline_of(Moment(), History(), since)

    def metrics(self) -> str:
        return "loadtest_users 1.0\n"


def open_door(view: Callable[..., Any]) -> Callable[..., Any]:
    return view


def closed_door(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def refuse(*_: Any, **__: Any) -> Response:
        return Response("log in", 401)

    return refuse


def app(out: Path, source: Shown | None = None, guard: api.Guard = open_door, base_path: str = "") -> Any:
    made = Flask("locust")
    api.install(made, source or Shown(), out, guard, base_path)
    return made.test_client()


PATHS = ["/api/v1/status", "/api/v1/timeline", "/metrics", "/api/v1/runs/r1/bundle.zip"]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_answered_before_the_login(tmp_path: Path, path: str) -> None:
    (tmp_path / "r1").mkdir()
    assert app(tmp_path, guard=closed_door).get(path).status_code == 401
    assert app(tmp_path).get(path).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_the_base_path_of_the_page_is_the_apis(tmp_path: Path, path: str) -> None:
    (tmp_path / "r1").mkdir()
    client = app(tmp_path, base_path="/load")
    assert client.get(f"/load{path}").status_code == 200
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_changed_or_kept(tmp_path: Path, path: str) -> None:
    (tmp_path / "r1").mkdir()
    assert app(tmp_path).get(path).headers["Cache-Control"] == "no-store"
    assert app(tmp_path).post(path).status_code == 405


def test_the_timeline_is_asked_from_a_second_on(tmp_path: Path) -> None:
    source = Shown()
    assert app(tmp_path, source).get("/api/v1/timeline?since=120").get_json()["points"] == []
    assert source.since == 120


@pytest.mark.parametrize("since", ["-1", "x", "1.5", "", "1e3", "9999999999", "١"])
def test_a_second_that_is_none_is_refused(tmp_path: Path, since: str) -> None:
    assert app(tmp_path).get("/api/v1/timeline", query_string={"since": since}).status_code == 400


def test_metrics_are_text_of_the_version_that_prometheus_asks_for(tmp_path: Path) -> None:
    answer = app(tmp_path).get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.get_data(as_text=True) == "loadtest_users 1.0\n"


def test_the_bundle_is_the_runs_directory(tmp_path: Path) -> None:
    (tmp_path / "r1").mkdir()
    (tmp_path / "r1" / "summary.json").write_text(json.dumps({"run_id": "r1"}))
    answer = app(tmp_path).get("/api/v1/runs/r1/bundle.zip")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="r1.zip"'
    with ZipFile(io.BytesIO(answer.data)) as archive:
        assert json.loads(archive.read("r1/summary.json")) == {"run_id": "r1"}


@pytest.mark.parametrize("name", ["..", "%2e%2e", "r2", "..%2fr1", "r1%2f..", "%00"])
def test_no_other_file_can_be_had(tmp_path: Path, name: str) -> None:
    (tmp_path / "runs" / "r1").mkdir(parents=True)
    (tmp_path / "secret").write_text("s")
    assert app(tmp_path / "runs").get(f"/api/v1/runs/{name}/bundle.zip").status_code == 404
