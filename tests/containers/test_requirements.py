"""docker/requirements.py, which the image's layer of dependencies and the wheels collected for it are made from."""

import subprocess
import sys
from pathlib import Path

from programs import ROOT


def requirements(pyproject: Path) -> list[str]:
    command = [sys.executable, str(ROOT / "docker" / "requirements.py"), str(pyproject)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_an_image_gets_what_the_project_and_the_demo_backend_need_and_no_tool_of_developers(tmp_path: Path) -> None:
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(
        '[project]\ndependencies = ["locust>=2", "gevent"]\n'
        '[project.optional-dependencies]\ndemo = ["uvicorn[standard]"]\ndev = ["pytest"]\n'
    )
    assert requirements(pyproject) == ["locust>=2", "gevent", "uvicorn[standard]"]


def test_the_projects_own_file_can_be_read() -> None:
    assert any(line.startswith("locust") for line in requirements(ROOT / "pyproject.toml"))
