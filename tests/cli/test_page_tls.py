"""cli/page_tls.py: a certificate that can't be served with is said before anything starts."""

from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Outcome
from certificates import make_certificate

from loadtest.cli.local import Cluster
from loadtest.cli.page import page_address
from loadtest.errors import ExitCode

Call = Callable[..., Outcome]


def test_the_master_is_given_both_files_from_options_or_environment(call: Call, folder: Path, tmp_path: Path) -> None:  # noqa: ARG001
    both = str(make_certificate(tmp_path))
    for outcome in (
        call("master", "--tls-cert", both, "--tls-key", both),
        call("master", LOADTEST_TLS_CERT=both, LOADTEST_TLS_KEY=both),
    ):
        ((_, argv, _),) = outcome.executed
        assert argv[-4:] == ["--tls-cert", both, "--tls-key", both]
    environ = {"LOADTEST_TLS_CERT": both, "LOADTEST_TLS_KEY": both, "LOADTEST_WEB_PASSWORD": "correct horse"}
    cluster = Cluster(workers=1, port=5557, web=8089)
    assert cluster.master(environ).argv[-4:] != cluster.worker(1, environ).argv[-4:]
    assert f"--tls-cert {both} --tls-key {both}" in " ".join(cluster.master(environ).argv)
    assert "LOADTEST_WEB_PASSWORD" not in cluster.worker(1, environ).environ
    assert page_address(8089, environ) == "https://127.0.0.1:8089"
    assert page_address(8089, {}) == "http://127.0.0.1:8089"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (("cert", None), "TLS needs both"),
        ((None, "key"), "TLS needs both"),
        (("missing", "missing"), "can't be read: No such file"),
        (("no-pem", "no-pem"), "are no certificate and its key"),
    ],
)
def test_half_of_it_or_something_else_is_refused(
    call: Call,
    folder: Path,  # noqa: ARG001
    tmp_path: Path,
    files: tuple[str | None, str | None],
    says: str,
) -> None:
    (tmp_path / "no-pem").write_text("something else")
    options = [
        part
        for option, file in zip(("--tls-cert", "--tls-key"), files, strict=True)
        if file
        for part in (option, str(tmp_path / file))
    ]
    outcome = call("master", *options)
    assert (outcome.code, outcome.executed) == (ExitCode.BAD_CONFIGURATION, [])
    assert says in outcome.stderr
