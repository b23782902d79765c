"""Real runs compared: two against the same backend are equal, one against a backend a fifth slower is not."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import Run, Server, demo_backend, loadtest_run

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

PROFILE: dict[str, Any] = {
    "name": "pair",
    "target": {"url": "demo"},
    "users": {"pollers": {"pace": {"pause": "50ms"}, "requests": [{"get": "/api/market/volume-stats"}]}},
    "load": [{"step": 8}, {"hold": "20s"}],
}


def run_of(server: Server, tmp_path: Path, stall: float, *arguments: str) -> Run:
    """A run against a backend that holds every answer for `stall` seconds."""
    profile = tmp_path / "pair.yaml"
    profile.write_text(yaml.safe_dump(PROFILE))
    server.faults({"kind": "stall", "path": "/api", "size": stall})
    return loadtest_run(profile, tmp_path / "runs", "--target", server.url, *arguments)


def test_an_equal_run_has_no_regression_and_one_that_is_a_fifth_slower_has(tmp_path: Path) -> None:
    with demo_backend() as server:
        first = run_of(server, tmp_path, 0.15)
        assert first.code == 0, first.output
        assert first.directory is not None
        equal = run_of(server, tmp_path, 0.15, "--baseline", first.directory.name)
        slower = run_of(server, tmp_path, 0.18, "--baseline", str(first.directory))
    assert equal.code == 0, equal.output
    assert "NO REGRESSION" in equal.output
    assert slower.code == 1, slower.output
    assert "REGRESSION: response p50" in slower.output
    assert slower.directory is not None
    assert json.loads((slower.directory / "summary.json").read_text())["verdict"] == "pass"  # by itself it is fine
    assert "response p50" in (slower.directory / "comparison.html").read_text("utf-8")
