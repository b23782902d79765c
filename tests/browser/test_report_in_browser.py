"""The report in a real browser: desktop, dark, phone, printed; every chart drawn, nothing fetched, nothing cut off."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import ROOT
from synthetic_run import facts_of, synthetic_run

from loadtest.report.page.html import to_html
from loadtest.report.rows import rows_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `make deps` installs it")
def test_the_report_can_be_read_at_every_size_and_in_every_theme(tmp_path: Path) -> None:
    assert CHROMIUM is not None
    summary = synthetic_run(120, name="/ws/<b>market</b>")
    file = tmp_path / "report.html"
    wide = "name: x\ny: " + "z" * 300
    file.write_text(to_html(facts_of(summary, 120), summary, rows_of(summary), wide), "utf-8")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/support/look_at_page.py"), str(file), CHROMIUM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
    )
    assert done.returncode == 0, done.stderr
    views = json.loads(done.stdout)
    for name, view in views.items():
        assert view["problems"] == [], name
        assert view["overflow"] <= 0, name
        assert view["charts"] == view["figures"] == 10, name
        assert all(view["painted"]), name
    assert views["desktop"]["paper"] != views["dark"]["paper"]
    assert views["print"]["paper"] == views["desktop"]["paper"]  # never a black sheet
    desktop = views["desktop"]
    assert desktop["keyboard"] == "at 1:58"
    second, users, connections = desktop["cells"]
    assert second == "118"
    assert desktop["legend"] == f"users {users}open connections {connections}"  # what the chart says is in its table
