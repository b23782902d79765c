"""docker/monitoring and the Compose profile `monitoring`: what can be held without the images themselves."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine import output
from programs import ROOT

FOLDER = ROOT / "docker" / "monitoring"
PROMTOOL = shutil.which("promtool")
TOKEN = "/run/loadtest/token"  # noqa: S105 - a path


def compose() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output("compose", "--profile", "monitoring", "config", "--format", "json"))
    return found


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool: `make deps` installs Prometheus")
def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    """The check reads the page's token as well, which is in the container alone."""
    (tmp_path / "token").write_text("t")
    text = (FOLDER / "prometheus.yml").read_text()
    assert text.count(TOKEN) == 1
    (tmp_path / "prometheus.yml").write_text(text.replace(TOKEN, str(tmp_path / "token")))
    done = subprocess.run(
        [str(PROMTOOL), "check", "config", tmp_path / "prometheus.yml"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_asks_only_for_metrics_that_there_are() -> None:
    documented = set(re.findall(r"`(loadtest_\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    dashboard = (FOLDER / "grafana/dashboards/loadtest.json").read_text()
    asked = {name.removesuffix("_bucket") for name in re.findall(r"\bloadtest_\w+", dashboard)}
    assert asked
    assert asked <= documented


def test_the_dashboard_finds_its_source_and_its_place() -> None:
    (source,) = yaml.safe_load((FOLDER / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((FOLDER / "grafana/provisioning/dashboards/loadtest.yaml").read_text())["providers"]
    dashboard = json.loads((FOLDER / "grafana/dashboards/loadtest.json").read_text())
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


def test_no_panel_lies_over_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads((FOLDER / "grafana/dashboards/loadtest.json").read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.docker
def test_the_profile_adds_prometheus_and_grafana_on_this_machine_alone() -> None:
    services = compose()["services"]
    assert {"prometheus", "grafana"} <= set(services)
    for name, port in (("prometheus", "9090"), ("grafana", "3000")):
        ((published,),) = [services[name]["ports"]]
        assert (published["host_ip"], published["published"]) == ("127.0.0.1", port)
        for mount in services[name]["volumes"]:
            assert mount["type"] == "volume" or (
                mount["read_only"] is True and ROOT in (ROOT / mount["source"]).parents
            )


@pytest.mark.docker
def test_prometheus_reads_the_token_and_not_the_key_of_the_cluster() -> None:
    services = compose()["services"]
    mounted = {(mount["source"], mount["target"]) for mount in services["prometheus"]["volumes"]}
    assert ("web", TOKEN.rpartition("/")[0]) in mounted
    assert "key" not in {source for source, _ in mounted}
    assert services["master"]["environment"]["LOADTEST_WEB_TOKEN_FILE"] in services["key"]["command"]


@pytest.mark.docker
def test_without_the_profile_they_are_not_started() -> None:
    plain = json.loads(output("compose", "config", "--format", "json"))["services"]
    assert not {"prometheus", "grafana"} & set(plain)
