"""Secrets of a run: everything that it leaves, prints, serves and sends among its own is searched for them."""

import json
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from canaries import found_below, found_in
from programs import BIN, ROOT, Cluster, clean_environment, free_port, reachable, serving, until
from relay import Relay
from strangers import ask

from loadtest.cli.key import new_key

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

CANARIES = {
    name: f"{name}{secrets.token_hex(10)}{tail}"
    for name, tail in {
        "bearer": "/+=",
        "token": "/+",
        "query": "",
        "header": "+/",
        "sent": '"\\',
        "form": "&=",
        "body": "ü",
        "cookie": "",
        "password": "&/",
    }.items()
}
WEB_TOKEN, CLUSTER_KEY = new_key(), new_key()
SENT = ("bearer", "token", "query", "header", "sent", "form", "body", "cookie")
"""Those that the target must have got."""
PROFILE = {
    "name": "canary",
    "target": {
        "url": "${LOADTEST_TARGET}",
        "token": "${C_TOKEN}",
        "clock": "same",
        "headers": {"Authorization": "Bearer ${C_BEARER}", "Cookie": "id=${C_COOKIE}"},
    },
    "users": {
        "listeners": {
            "websocket": "/ws/prices?api_key=${C_QUERY}",
            "count": 3,
            "send": [{"json": {"auth": {"token": "${C_SENT}"}}}],
            "send_time": {"field": "at"},
            "sequence": "n",
        },
        "denied": {"websocket": "/ws/denied", "count": 1},
        "rude": {"websocket": "/ws/rude", "count": 1},
        "pollers": {
            "count": 2,
            "pace": {"pause": "200ms"},
            "headers": {"X-Api-Key": "${C_HEADER}"},
            "requests": [
                {"get": "/a?access_token=${C_QUERY}"},
                {"get": "/denied"},
                {"get": "/broken?signature=${C_QUERY}", "expect": {"keys": ["no such key"]}},
                {"post": "/login", "form": {"user": "u", "password": "${C_FORM}"}},
                {"post": "/orders", "json": {"card": {"secret": "${C_BODY}"}}},
            ],
        },
        "browsers": {
            "count": 1,
            "client": "full",
            "pace": {"pause": "200ms"},
            "requests": [{"get": "/b?jwt=${C_QUERY}"}, {"post": "/login", "form": {"password": "${C_FORM}"}}],
        },
    },
    "load": [{"ramp": 8, "over": "1s"}, {"hold": "6s"}],
    "slo": ["errors < 1%", "listeners delivery p99 < 5s"],
}
PAGES = [
    *("/", "/live", "/login", "/healthz", "/metrics", "/api/v1/status", "/api/v1/timeline", "/nothing-of-the-kind"),
    *("/stats/requests", "/stats/requests/csv", "/stats/requests_full_history/csv", "/stats/failures/csv"),
    *(
        "/stats/report",
        "/stats/report?download=1",
        "/exceptions",
        "/exceptions/csv",
        "/tasks",
        "/logs",
        "/worker-count",
    ),
]


def environment(**more: str) -> dict[str, str]:
    given = {f"C_{name.upper()}": CANARIES[name] for name in SENT}
    return {**given, "LOADTEST_WEB_PASSWORD": CANARIES["password"], "LOADTEST_WEB_TOKEN": WEB_TOKEN, **more}


def command_lines() -> bytes:
    """The command line of every process there is, as `ps` lists them."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:  # it has ended
            continue
    return b"\n".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("canary")
    (folder / "profiles").mkdir()
    (folder / "profiles" / "canary.yaml").write_text(yaml.safe_dump(PROFILE))
    return folder


@pytest.fixture(scope="module")
def ended(folder: Path) -> tuple[str, dict[str, bytes]]:
    """A run on a master with a page and two workers, to its end: (the target, page -> what it answered)."""
    witness = [sys.executable, "tests/support/witness_backend.py", str(folder / "witnessed")]
    page, profile = free_port(), folder / "profiles" / "canary.yaml"
    bearer = {"Authorization": f"Bearer {WEB_TOKEN}"}

    def state() -> str:
        return str(json.loads(ask(page, "GET", "/api/v1/status", bearer).body)["state"])

    with serving(*witness) as server, Relay(0) as relay:
        environ = environment(LOADTEST_WEB_PORT=str(page))
        with Cluster(folder, profile, server.url, **environ) as cluster:
            relay.target = int(cluster.environ["LOADTEST_MASTER_PORT"])
            cluster.start("master", "--autostart", "--autoquit", "-1", "--expect-workers", "2")
            for _ in range(2):
                cluster.start("worker", LOADTEST_MASTER_PORT=str(relay.port))
            until(lambda: reachable(f"http://127.0.0.1:{page}/healthz"), "the page")
            until(lambda: state() == "running", "the run to begin")
            answers = {"ps": command_lines()}
            until(lambda: state() == "ended", "its end")
            run = next(path.name for path in cluster.out.iterdir())
            for path in [*PAGES, "/api/v1/runs", f"/api/v1/runs/{run}/bundle.zip"]:
                answer = ask(page, "GET", path, bearer)
                answers[f"page {path}"] = str(answer.headers).encode() + answer.body
            for name, password in {"wrong": "x" + CANARIES["password"], "right": CANARIES["password"]}.items():
                answer = ask(page, "POST", "/login", {}, user="loadtest", password=password)
                assert (answer.status == 303) is (name == "right")
                answers[f"page /login, {name}"] = str(answer.headers).encode() + answer.body
            answers["the control port"] = bytes(relay.carried)
    return server.url, answers


@pytest.mark.usefixtures("ended")
def test_the_target_got_every_secret_or_the_search_would_prove_nothing(folder: Path) -> None:
    hits = found_in("it", (folder / "witnessed").read_bytes(), CANARIES)
    assert hits == sorted(f"{name} in it" for name in SENT)


def test_no_file_log_page_metric_process_list_or_message_of_a_run_has_a_secret_in_it(
    folder: Path, ended: tuple[str, dict[str, bytes]]
) -> None:
    _, answers = ended
    everything = {**CANARIES, "web token": WEB_TOKEN}
    (folder / "witnessed").unlink()  # the target's own
    runs = list((folder / "runs").iterdir())
    names = {path.name for path in runs[0].iterdir()}
    assert {"summary.json", "report.html", "records.journal", "junit.xml", "run.log", "profile.yaml"} <= names
    assert b"bundle" not in answers["page /nothing-of-the-kind"]
    assert len(answers["the control port"]) > 10_000
    assert b"listeners" in answers["the control port"]
    hits = found_below(folder, everything)
    hits += [hit for name, data in answers.items() for hit in found_in(name, data, everything)]
    assert hits == []


def test_with_a_cluster_key_nothing_can_be_read_between_master_and_worker_and_the_key_stands_nowhere(
    folder: Path, tmp_path: Path
) -> None:
    witness = [sys.executable, "tests/support/witness_backend.py", str(tmp_path / "witnessed")]
    environ = environment(LOADTEST_CLUSTER_KEY=CLUSTER_KEY, LOADTEST_DURATION="3s")
    profile = folder / "profiles" / "canary.yaml"
    with (
        serving(*witness) as server,
        Relay(0) as relay,
        Cluster(tmp_path, profile, server.url, **environ) as cluster,
    ):
        relay.target = int(cluster.environ["LOADTEST_MASTER_PORT"])
        master = cluster.start("master", "--headless", "--workers", "1")
        cluster.start("worker", LOADTEST_MASTER_PORT=str(relay.port))
        listing = command_lines()
        run = cluster.finished(master)
    assert run.counted("listeners", "messages") > 0, run.output
    assert len(relay.carried) > 5_000
    assert b"listeners" not in relay.carried
    assert b"client_ready" not in relay.carried
    (tmp_path / "witnessed").unlink()
    everything = {**CANARIES, "cluster key": CLUSTER_KEY}
    wire = found_in("the control port", bytes(relay.carried), everything)
    assert found_below(tmp_path, everything) + found_in("ps", listing, everything) + wire == []


MISTAKES = {
    "a type": ("token: ${C_TOKEN}", "token: [${C_TOKEN}, 1]"),
    "a key": ("token: ${C_TOKEN}", "token: ${C_TOKEN}\n  tokem: ${C_QUERY}"),
    "a header": ("Authorization: Bearer ${C_BEARER}", 'Authorization: "Bearer ${C_BEARER}\\r\\nX: 1"'),
    "a path": ("/a?access_token=${C_QUERY}", "a?access_token=${C_QUERY}"),
    "a duration": ("hold: 6s", "hold: ${C_QUERY}"),
    "yaml": ("token: ${C_TOKEN}", "token: ${C_TOKEN}: x: ["),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_on_the_line_of_a_secret_is_told_without_it(tmp_path: Path, mistake: str) -> None:
    right, wrong = MISTAKES[mistake]
    text = yaml.safe_dump(PROFILE)
    assert right in text
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(right, wrong, 1))
    for verb in (["check"], ["run"], ["plan"]):
        done = loadtest(*verb, str(path), target="http://127.0.0.1:9")
        assert done.returncode == 2, done
        assert re.search(r"wrong\.yaml:\d+", done.stdout + done.stderr), done
        assert found_in("it", (done.stdout + done.stderr).encode(), CANARIES) == []


@pytest.mark.parametrize("verb", ["check", "run", "plan", "doctor"])
def test_a_target_with_a_password_in_it_is_refused_without_telling_it(folder: Path, verb: str) -> None:
    """It would stand in logs, listings and results: an Authorization header does not."""
    target = f"http://user:{CANARIES['query']}@127.0.0.1:9"
    done = loadtest(verb, str(folder / "profiles" / "canary.yaml"), target=target)
    assert done.returncode == 2, done
    assert "must not hold credentials: use target.token or target.headers" in done.stdout + done.stderr
    assert found_in("it", (done.stdout + done.stderr).encode(), CANARIES) == []


def loadtest(*arguments: str, target: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(BIN / "loadtest"), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=clean_environment(**environment(LOADTEST_TARGET=target)),
        cwd=ROOT,
        check=False,
    )


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        (["check"], 0),
        (["check", "--live"], 4),
        (["plan"], 0),
        (["doctor"], 0),
        (["run", "--duration", "2s"], 4),
    ],
)
def test_what_is_printed_of_a_profile_whose_target_is_gone_has_no_secret(
    folder: Path, tmp_path: Path, verb: list[str], code: int
) -> None:
    out = ["--out", str(tmp_path)] if verb[0] == "run" else []
    target = f"http://127.0.0.1:{free_port()}"
    done = loadtest(verb[0], str(folder / "profiles" / "canary.yaml"), *verb[1:], *out, target=target)
    assert done.returncode == code, done.stdout + done.stderr
    assert found_in("it", (done.stdout + done.stderr).encode(), CANARIES) == []
    assert found_below(tmp_path, CANARIES) == []


def test_reports_made_anew_and_comparisons_have_no_secret(folder: Path, ended: tuple[str, dict[str, bytes]]) -> None:
    target, _ = ended
    run = next((folder / "runs").iterdir())
    for arguments in (["report", str(run)], ["compare", str(run), str(run)]):
        done = loadtest(*arguments, target=target)
        assert done.returncode in (0, 1, 3), done  # whatever it says of this run
        assert found_in("it", (done.stdout + done.stderr).encode(), CANARIES) == []
    assert found_below(run, CANARIES) == []
