import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calling import Outcome, write_profile

from loadtest.cli.run import run_id
from loadtest.errors import ExitCode

pytestmark = pytest.mark.timeout(60)

HARNESS = Path(__file__).with_name("fake_cluster.py")
Call = Callable[..., Outcome]


class Started:
    """A command with stand-ins for what it starts, and what those were told."""

    def __init__(self, folder: Path, *argv: str, **environ: str) -> None:
        told = folder / "told"
        told.mkdir(exist_ok=True)
        base = {name: text for name, text in os.environ.items() if not name.startswith(("LOADTEST_", "WS_"))}
        done = subprocess.run(
            [sys.executable, str(HARNESS), *argv],
            env=base | {"FAKE_DIR": str(told)} | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.code, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr
        self.told: dict[str, list[dict[str, Any]]] = {}
        for path in told.iterdir():
            self.told.setdefault(path.name.partition("-")[0], []).append(json.loads(path.read_text()))


def test_a_run_starts_a_backend_a_master_and_workers_and_passes_the_result_on(folder: Path) -> None:
    run = Started(folder, "run", "steady", WS_AUTH_TOKEN="canary")  # noqa: S106 - the test's own
    assert (run.code, run.stderr) == (0, "")
    first, second, result = run.stdout.splitlines()
    assert first == "steady: 10 users at most, 25s; pollers (rest)"
    assert "2 workers on http://127.0.0.1:" in second
    assert result == "the result"
    assert {role: len(told) for role, told in run.told.items()} == {"backend": 1, "master": 1, "worker": 2}
    assert run.told["backend"][0]["environ"]["WS_AUTH_TOKEN"] == "canary"  # noqa: S105
    directory = next((folder / "runs").iterdir())
    assert second.startswith(f"{directory.name}: ")
    assert sorted(path.name for path in (directory / "logs").iterdir()) == [
        "backend.log", "master.log", "worker-1.log", "worker-2.log",
    ]  # fmt: skip


def test_master_and_workers_are_told_the_same(folder: Path) -> None:
    run = Started(
        folder, "run", "steady", "--workers", "1", "--users", "50", "--set", "seed=7", "--out", "elsewhere",
        LOADTEST_USERS="3", LOADTEST_DURATION="9s", LOADTEST_WORKERS="5", WS_AUTH_TOKEN="canary",  # noqa: S106 - the test's own
    )  # fmt: skip
    assert run.code == 0
    told = run.told["master"][0]["environ"]
    listening = re.search(r"http://\S+", run.stdout)
    assert listening is not None
    key = told["LOADTEST_CLUSTER_KEY"]
    assert key not in run.stdout
    assert {name: text for name, text in told.items() if name.startswith(("LOADTEST_", "WS_"))} == {
        "LOADTEST_PROFILE": "profiles/steady.yaml",
        "LOADTEST_PROFILES": "profiles",
        "LOADTEST_TARGET": listening[0],
        "LOADTEST_USERS": "50",  # the command line goes before the environment
        "LOADTEST_DURATION": "9.0",  # the environment before the profile
        "LOADTEST_SET": '["seed=7"]',
        "LOADTEST_OUT": "elsewhere",
        "LOADTEST_WORKERS": "1",
        "LOADTEST_RUN_ID": next((folder / "elsewhere").iterdir()).name,
        "LOADTEST_CLUSTER_KEY": key,
        "WS_AUTH_TOKEN": "canary",
    }
    assert run.told["worker"][0]["environ"] == told
    assert len(run.told["worker"]) == 1


@pytest.mark.parametrize(
    ("environ", "code", "said"),
    [
        ({"FAKE_CODE": "1"}, 1, ""),  # a breached SLO, with its result
        ({"FAKE_CODE": "130"}, 130, ""),
        ({"FAKE_CODE": "1", "FAKE_RESULT": "no"}, 3, "the master ended without a result (exit code 1)"),
        ({"FAKE_CODE": "77"}, 3, "the master failed (exit code 77)"),
    ],
)
def test_the_masters_code_is_ours(folder: Path, environ: dict[str, str], code: int, said: str) -> None:
    run = Started(folder, "run", "steady", "--workers", "1", **environ)
    assert run.code == code
    assert said in run.stderr
    assert bool(run.stderr) is bool(said)


def test_a_target_of_ones_own_needs_no_backend(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        write_profile(folder / "profiles/mine.yaml", url)
        run = Started(folder, "run", "mine", "--workers", "1")
    assert run.code == 0
    assert f"1 worker on {url}, logs in" in run.stdout
    assert run.told.keys() == {"master", "worker"}
    assert "LOADTEST_TARGET" not in run.told["master"][0]["environ"]  # each profile on a page keeps its own


def test_a_page_without_a_profile_has_the_demo_backend_if_all_profiles_want_it(folder: Path) -> None:
    run = Started(folder, "run", "--web", str(free_port()), "--workers", "1")
    assert run.code == 0
    assert "the page: http://127.0.0.1:" in run.stdout
    assert run.told["master"][0]["environ"]["LOADTEST_TARGET"].startswith("http://127.0.0.1:")
    assert "LOADTEST_RUN_ID" not in run.told["master"][0]["environ"]


def test_a_page_whose_profiles_differ_leaves_each_its_target(folder: Path) -> None:
    write_profile(folder / "profiles/mine.yaml", "http://127.0.0.1:1")
    run = Started(folder, "run", "--web", str(free_port()), "--workers", "1")
    assert run.code == 0
    assert "no demo backend is started" in run.stderr
    assert run.told.keys() == {"master", "worker"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_nothing_is_started_or_left_when_nothing_answers(folder: Path) -> None:
    run = Started(folder, "run", "steady", "--target", f"http://127.0.0.1:{free_port()}")
    assert run.code == ExitCode.NO_TARGET
    assert "connection refused" in run.stderr
    assert run.told == {}
    assert not (folder / "runs").exists()


def test_a_live_check_passes_on_what_is_said_and_how_it_ended(folder: Path) -> None:
    run = Started(folder, "check", "steady", "--live", "--seconds", "3", FAKE_CODE="1")
    assert (run.code, run.stdout.splitlines()[1:]) == (1, ["the result"])
    assert run.told.keys() == {"backend", "live"}
    told = run.told["live"][0]["environ"]
    assert (told["LOADTEST_LIVE_SECONDS"], told["LOADTEST_PROFILE"]) == ("3", "profiles/steady.yaml")
    assert told["LOADTEST_TARGET"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("argv", "environ", "said"),
    [
        (["run"], {}, "which profile? Give a name or a path; in profiles there are steady"),
        (["run", "stedy"], {}, "stedy: there is no such profile in profiles; did you mean steady?"),
        (["run", "steady", "--workers", "0"], {}, "--workers: must be 1 or more"),
        (["run", "steady"], {"LOADTEST_WORKERS": "two"}, "LOADTEST_WORKERS: must be a whole number"),
        (["run", "steady"], {"LOADTEST_USERS": "x"}, "LOADTEST_USERS: must be a whole number"),
        (["run"], {"LOADTEST_PROFILE": "nope"}, "nope: there is no such profile"),
        (["run", "--web", "steady"], {}, "--web: must be a whole number; a profile goes before --web"),
        (["run", "--web"], {"LOADTEST_WEB_PORT": "0"}, "LOADTEST_WEB_PORT: must be 1 or more"),
        (["run", "steady", "--set", "seed"], {}, "--set"),
    ],
)
def test_a_mistake_ends_before_anything_starts(
    call: Call,
    folder: Path,
    argv: list[str],
    environ: dict[str, str],
    said: str,
) -> None:
    outcome = call(*argv, **environ)
    assert outcome.code is ExitCode.BAD_CONFIGURATION
    assert said in outcome.stderr
    assert not (folder / "runs").exists()


def test_a_run_id_says_when_and_what() -> None:
    class Noon:
        def wall(self) -> float:
            return 1_767_268_800.0  # 2026-01-01 12:00 UTC

        monotonic = wall

        def sleep(self, _: float) -> None: ...

    assert re.fullmatch(r"20260101T120000Z-smoke-[0-9a-f]{4}", run_id("smoke", Noon()))
