"""Talks to the Docker engine as a user would, through its command line. What must hold is in the tests."""

import json
import os
import subprocess
from functools import cache
from typing import Any

from programs import ROOT, clean_environment

IMAGE = os.environ.get("LOADTEST_IMAGE") or "loadtest"
BACKEND_IMAGE = os.environ.get("LOADTEST_BACKEND_IMAGE") or "loadtest-backend"
NAMES = {"LOADTEST_IMAGE": IMAGE, "LOADTEST_BACKEND_IMAGE": BACKEND_IMAGE}
HARDENED = ("--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108 - in a container


def docker(*arguments: str, timeout: float = 120, **environ: str) -> subprocess.CompletedProcess[str]:
    """`docker ARGUMENTS` in the project's root, without what the caller's environment says about runs."""
    return subprocess.run(
        ["docker", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=clean_environment(**NAMES, **environ),
        cwd=ROOT,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def output(*arguments: str, timeout: float = 120, **environ: str) -> str:
    """What it prints; it must succeed."""
    done = docker(*arguments, timeout=timeout, **environ)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}{done.stdout}"
    return done.stdout.strip()


def in_image(code: str) -> Any:
    """What a Python expression is worth in the image, as JSON."""
    program = f"import json, os, sys, importlib.util, shutil; print(json.dumps({code}))"
    return json.loads(output("run", *HARDENED, "--entrypoint", "python", IMAGE, "-c", program))


def left_behind(project: str) -> list[str]:
    """Containers, networks and volumes of a Compose project."""
    label = f"label=com.docker.compose.project={project}"
    kinds = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
    return [line for kind in kinds for line in output(*kind, "--quiet", "--filter", label).splitlines()]


@cache
def missing() -> str | None:
    """Why container tests can't run here, or None."""
    try:
        for command, reason in (
            (("info",), "no Docker engine answers"),
            (("compose", "version"), "docker compose is missing: make deps"),
            (("image", "inspect", IMAGE, BACKEND_IMAGE), "the images are missing: make images"),
        ):
            if docker(*command).returncode != 0:
                return reason
    except FileNotFoundError:
        return "there is no docker command"
    return None
