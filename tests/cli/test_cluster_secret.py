"""What makes the Secret of a cluster, against a small API server that keeps what it is given."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from certificates import make_certificate, server_context

from loadtest.cli import cluster_secret

KEYS = ("cluster-key", "web-password")


@dataclass
class Api:
    """An API server as far as a Secret goes: the first one of a name is kept, a second one is a conflict."""

    environ: dict[str, str]
    account: Path
    token: str = "the-token"  # noqa: S105 - of this server alone
    failures: list[int] = field(default_factory=list)
    """Statuses to answer with first."""
    kept: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, authorization: str, body: bytes) -> int:
        self.asked.append(path)
        if self.failures:
            return self.failures.pop(0)
        if authorization != f"Bearer {self.token}":
            return 401
        secret = json.loads(body)
        name = secret["metadata"]["name"]
        if name in self.kept:
            return 409
        self.kept[name] = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        return 201

    def make(self, *keys: str) -> int:
        return cluster_secret.main(["loadtest", *(keys or KEYS)], self.environ, self.account, 0.0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("api"))


@pytest.fixture
def api(certificate: Path, tmp_path: Path) -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(served.answer(self.path, self.headers["Authorization"], body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    server.socket = server_context(certificate).wrap_socket(server.socket, server_side=True)
    (tmp_path / "namespace").write_text("loadtest")
    (tmp_path / "token").write_text("the-token\n")
    (tmp_path / "ca.crt").write_bytes(certificate.read_bytes())
    environ = {"KUBERNETES_SERVICE_HOST": "localhost", "KUBERNETES_SERVICE_PORT": str(server.server_port)}
    served = Api(environ, tmp_path)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def test_each_key_gets_a_value_of_its_own_that_nobody_can_guess(api: Api) -> None:
    assert api.make() == 0
    values = api.kept["loadtest"]
    assert set(values) == set(KEYS)
    assert len(set(values.values())) == len(KEYS)
    assert all(len(value) >= 40 for value in values.values())
    assert api.asked == ["/api/v1/namespaces/loadtest/secrets"]


def test_a_secret_that_exists_is_left_as_it_is(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.make()
    before = dict(api.kept["loadtest"])
    assert api.make() == 0
    assert api.kept["loadtest"] == before
    assert "left alone" in capsys.readouterr().out


def test_a_second_secret_is_made_where_only_the_first_is_there(api: Api) -> None:
    """A cluster that was made before the page had a login gets what it lacks, and keeps what it has."""
    api.make("cluster-key")
    before = dict(api.kept["loadtest"])
    assert api.make("cluster-key", ",", "loadtest-web", "password", "token") == 0
    assert api.kept["loadtest"] == before
    assert set(api.kept["loadtest-web"]) == {"password", "token"}


def test_no_value_is_printed(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.make()
    printed = "".join(capsys.readouterr())
    assert not [value for value in api.kept["loadtest"].values() if value in printed]


def test_an_api_server_that_is_not_ready_is_asked_again(api: Api) -> None:
    api.failures = [503, 500]
    assert api.make() == 0
    assert len(api.asked) == 3


def test_an_account_that_may_not_is_told_so_at_once(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.failures = [403]
    assert api.make() == 1
    assert len(api.asked) == 1
    assert "12-accounts.yaml" in capsys.readouterr().err


def test_a_server_with_another_certificate_is_not_told_the_token(
    api: Api, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_certificate(tmp_path_factory.mktemp("other"))
    (api.account / "ca.crt").write_bytes(other.read_bytes())
    assert api.make() == 1
    assert api.asked == []
    assert "certificate" in capsys.readouterr().err.lower()


@pytest.mark.parametrize(
    ("argv", "environ"),
    [
        (["loadtest"], {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}),  # no key
        (["loadtest", "key", ",", "other"], {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}),
        (["loadtest", "key"], {}),  # not in a pod
    ],
)
def test_outside_a_pod_or_without_keys_it_says_how_it_is_called(argv: list[str], environ: dict[str, str]) -> None:
    assert cluster_secret.main(argv, environ) == 2
