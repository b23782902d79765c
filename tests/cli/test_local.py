import socket
import sys

import pytest

from loadtest.cli.local import LOCUSTFILE, Cluster, require_free, reserved_port
from loadtest.errors import UsageError


def test_the_master_runs_headless_unless_there_is_a_page() -> None:
    argv = " ".join(Cluster(workers=3, port=5557).master({}).argv)
    assert f"-m locust -f {LOCUSTFILE} --master --master-bind-host 127.0.0.1 --master-bind-port 5557" in argv
    assert "--headless --only-summary" in argv
    assert "--expect-workers 3" in argv
    assert LOCUSTFILE.is_file()


@pytest.mark.parametrize(
    ("starts", "autostarts"),
    [
        (True, True),  # with a profile
        (False, False),  # the user starts it
    ],
)
def test_with_a_page_the_run_starts_at_once_only_if_it_is_known(*, starts: bool, autostarts: bool) -> None:
    argv = " ".join(Cluster(workers=1, port=5557, web=8089, starts=starts).master({}).argv)
    assert "--web-host 127.0.0.1 --web-port 8089" in argv
    assert "--headless" not in argv
    assert ("--autostart --autoquit 0" in argv) is autostarts


def test_workers_are_numbered_and_told_where_the_master_is() -> None:
    command = Cluster(workers=2, port=5557).worker(2, {})
    assert command.name == "worker-2"
    assert command.argv[-5:] == ("--worker", "--master-host", "127.0.0.1", "--master-port", "5557")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port can't be held for another process")
def test_a_reserved_port_can_be_listened_on_but_is_given_to_nobody_else() -> None:
    with reserved_port() as port:
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", port))
        with socket.create_server(("127.0.0.1", port)) as master:  # sets SO_REUSEADDR, as ZeroMQ does
            assert master.getsockname()[1] == port


def test_a_page_whose_port_is_taken_is_refused_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"can't have port {port}: address already in use; --web PORT"):
            require_free(port)
    require_free(port)
