"""docs/ci.md: its job is the one that we run ourselves, and its commands do what it says."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import BIN, ROOT, clean_environment, read_run

PAGE = (ROOT / "docs" / "ci.md").read_text()
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())


def job(title: str) -> dict[str, Any]:
    """The job below a heading."""
    block = PAGE.split(f"## {title}\n", 1)[1].split("```yaml\n", 1)[1].split("```", 1)[0]
    found: dict[str, Any] = yaml.safe_load(block)["load-test"]
    return found


def test_the_page_has_the_workflows_own_job() -> None:
    assert job("GitHub Actions") == WORKFLOW["jobs"]["load-test"]


def test_both_jobs_run_the_same_and_keep_the_run_whatever_it_came_to() -> None:
    github, gitlab = job("GitHub Actions"), job("GitLab")
    steps = [step["run"] for step in github["steps"] if "run" in step and "if" not in step]
    assert steps == gitlab["script"]
    (upload,) = [step for step in github["steps"] if "upload-artifact" in step.get("uses", "")]
    assert (upload["if"], upload["with"]["path"]) == ("always()", "runs/")
    assert (gitlab["artifacts"]["when"], gitlab["artifacts"]["paths"]) == ("always", ["runs/"])


@pytest.mark.cluster
@pytest.mark.timeout(180)
def test_the_job_fails_on_a_breached_slo_and_leaves_the_run(tmp_path: Path) -> None:
    _, command = job("GitLab")["script"]
    program, *arguments = shlex.split(command)
    assert program == ".venv/bin/loadtest"
    breached = ["--set", "slo.0=websocket connect p99 < 1ns", "--duration", "6s", "--out", str(tmp_path)]
    done = subprocess.run(
        [str(BIN / "loadtest"), *arguments, *breached],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=clean_environment(),
        cwd=ROOT,
    )
    run = read_run(done.returncode, done.stdout, tmp_path)
    assert (run.code, run.summary["verdict"]) == (1, "fail"), done.stdout + done.stderr
    assert run.directory is not None
    assert (run.directory / "summary.txt").is_file()  # what the job shows
    report = (run.directory / job("GitLab")["artifacts"]["reports"]["junit"].rpartition("/")[2]).read_text()
    assert len(re.findall(r"<failure", report)) == 1
