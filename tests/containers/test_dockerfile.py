"""docker/Dockerfile, by the images that were built from it."""

import json
from collections.abc import Iterator

import pytest
from engine import BACKEND_IMAGE, HARDENED, IMAGE, docker, in_image, output

pytestmark = pytest.mark.docker

FILES = "[os.path.join(d, f) for top in {tops} for d, _, fs in os.walk(top) for f in fs if {condition}]"


@pytest.mark.parametrize("image", [IMAGE, BACKEND_IMAGE])
def test_an_image_runs_as_a_plain_numeric_user_and_ends_at_sigterm(image: str) -> None:
    (found,) = json.loads(output("image", "inspect", image))
    # numeric, since Kubernetes' runAsNonRoot refuses names
    assert found["Config"]["User"] == "12345:12345"
    assert found["Config"]["StopSignal"] == "SIGTERM"
    assert found["Config"]["Labels"]["org.opencontainers.image.licenses"] == "MIT"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pip", "nothing is installed at run time"),
        ("ensurepip", "it brings pip"),
        ("setuptools", "only a build needs it"),
    ],
)
def test_the_image_has_nothing_that_installs_packages(name: str, why: str) -> None:
    assert in_image(f"importlib.util.find_spec({name!r}) is None"), why


def test_the_image_has_no_compiler() -> None:
    assert in_image("[t for t in ('pip', 'pip3', 'cc', 'gcc', 'make') if shutil.which(t)]") == []


def test_the_build_leaves_no_trace_of_index_proxy_or_ca_bundle() -> None:
    suspects = "f in ('pip.conf', 'ca.crt') or f.endswith('.whl')"
    assert (
        in_image(FILES.format(tops=("/build", "/etc", "/loadtest", "/opt", "/root", "/usr"), condition=suspects)) == []
    )
    history = output("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE)
    (found,) = json.loads(output("image", "inspect", IMAGE))
    for text in (history, json.dumps(found["Config"])):
        assert [word for word in ("PIP_", "PROXY", "proxy", "ca.crt") if word in text] == []


def test_python_finds_its_compiled_modules_since_it_may_not_write_them() -> None:
    assert in_image("[bool(importlib.util.find_spec(n).cached and os.path.exists(importlib.util.find_spec(n).cached))"
                    " for n in ('argparse', 'locust', 'loadtest')]") == [True, True, True]  # fmt: skip


def test_the_command_is_the_role_and_none_is_a_list_of_them() -> None:
    done = docker("run", *HARDENED, IMAGE)
    for role in ("run", "check", "master", "worker"):
        assert role in done.stdout + done.stderr


def test_the_shipped_profiles_are_in_the_image_and_good() -> None:
    names = in_image("sorted(os.listdir('/loadtest/profiles'))")
    assert "smoke.yaml" in names
    done = docker("run", *HARDENED, IMAGE, "check", *(f"profiles/{name}" for name in names))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def results() -> Iterator[str]:
    volume = output("volume", "create")
    yield volume
    output("volume", "rm", "--force", volume)


def test_one_container_can_run_a_whole_cluster_and_leave_its_result_on_a_volume(results: str) -> None:
    mount = ("--volume", f"{results}:/loadtest/runs")
    run = ("run", "smoke", "--target", "demo", "--workers", "1", "--users", "10", "--duration", "5s")
    done = docker("run", *HARDENED, "--init", *mount, IMAGE, *run)
    assert done.returncode == 0, done.stdout + done.stderr
    listing = "import glob; print(*glob.glob('/loadtest/runs/*/summary.json'), sep='\\n')"
    left = output("run", *HARDENED, *mount, "--entrypoint", "python", IMAGE, "-c", listing)
    assert len(left.splitlines()) == 1
