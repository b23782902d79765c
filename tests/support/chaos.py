"""A cluster under a steady load, and what the backend saw of it, for tests that break a part of it."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from programs import Cluster, Run, Server, until

from loadtest.results import Record
from loadtest.results.journal import Entry, Reader


def write_profile(folder: Path, load: list[Mapping[str, Any]], **changes: object) -> Path:
    """A profile of subscribers alone, whose connections the backend counts."""
    path = folder / "profiles" / "steady.yaml"
    path.parent.mkdir(exist_ok=True)
    profile: dict[str, Any] = {
        "name": "steady",
        "target": {"url": "demo", "clock": "/time"},
        "users": {
            "subscribers": {
                "websocket": "/ws/market",
                "share": 1,
                "expect": {"keys": ["quotes"]},
                "not_data": [{"binary": True}, {"keys": ["type"]}],
                "send_time": {"field": "server_time"},
            }
        },
        "load": load,
        "slo": ["errors < 1%"],
        **changes,
    }
    path.write_text(yaml.safe_dump(profile))
    return path


def market(backend: Server) -> tuple[int, int]:
    """(accepted so far, open now) as the backend counts them."""
    counts = backend.stats()["channels"]["market"]
    return counts["accepted"], counts["open"]


def accepted(backend: Server) -> int:
    """Connections that the backend has ever accepted."""
    return market(backend)[0]


def open_now(backend: Server) -> int:
    """Connections that the backend holds."""
    return market(backend)[1]


def seconds_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> float:
    """Wait, print how long it took, and return that."""
    began = time.monotonic()
    until(condition, what, seconds)
    took = time.monotonic() - began
    sys.stdout.write(f"{what}: after {took:.1f} s\n")
    return took


def freeze(worker: "subprocess.Popen[str]", seconds: float) -> None:
    """Stop a process, and let it go on."""
    worker.send_signal(signal.SIGSTOP)
    time.sleep(seconds)  # this is the fault, not a wait for something
    worker.send_signal(signal.SIGCONT)


def assert_no_traceback(cluster: Cluster) -> None:
    """Whatever was broken, nothing of ours fell over."""
    assert "Traceback" not in cluster.logs(), cluster.logs()


def entries_of(run: Run) -> list[Entry]:
    """What the run's journal says."""
    assert run.directory is not None
    return list(Reader().feed((run.directory / "records.journal").read_bytes()))


def assert_summary_is_the_sum_of_the_journal(run: Run) -> None:
    """Every Record that was acknowledged is in the result, exactly once."""
    records = [entry for entry in entries_of(run) if isinstance(entry, Record)]
    assert len({record.key for record in records}) == len(records)
    for name in ("messages", "connects", "connected"):
        told = sum(counts.get(name, 0) for record in records for counts in record.counters.values())
        assert run.counted("subscribers", name) == told, name


def journal_of(cluster: Cluster) -> list[Entry]:
    """What the master of the run that is on has on disk by now."""
    return [entry for path in cluster.out.glob("*/records.journal") for entry in Reader().feed(path.read_bytes())]


def until_steady(cluster: Cluster, backend: Server, users: int) -> None:
    """Wait until all users are connected, and the master has it on disk from every worker."""
    until(lambda: market(backend) == (users, users), "all users connected")
    until(lambda: reported(cluster) == users, "all connections are acknowledged")


def reported(cluster: Cluster) -> int:
    """Connections that were established, by the Records that the master has on disk."""
    records = [entry for entry in journal_of(cluster) if isinstance(entry, Record)]
    return sum(counts.get("connected", 0) for record in records for counts in record.counters.values())


def reported_until(cluster: Cluster, second: int) -> None:
    """Wait until the master has this second of the run on disk."""
    until(lambda: any(isinstance(e, Record) and e.second >= second for e in journal_of(cluster)), f"{second} s of it")


def lost_of(run: Run) -> dict[str, Any]:
    """The one loss of a run."""
    (loss,) = run.summary["lost"]
    return dict(loss)


def share(users: int, workers: int) -> int:
    """The most users that one of so many workers runs."""
    return math.ceil(users / workers)


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """Bytes of memory that a process has resident."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def start_cluster(cluster: Cluster, workers: int) -> "tuple[list[subprocess.Popen[str]], subprocess.Popen[str]]":
    """So many workers, and a headless master that waits for them."""
    started = [cluster.start("worker") for _ in range(workers)]
    return started, cluster.start("master", "--headless", "--workers", str(workers))


def closed_in_order(backend: Server) -> int:
    """Connections that a worker ended with a close frame, as the backend counts them."""
    return int(backend.stats()["channels"]["market"]["closed"].get("client 1000", 0))


def assert_what_was_reported_is_all_there(run: Run, backend: Server, cluster: Cluster, unreported: int = 0) -> None:
    """`unreported`: so many connections may have died with their worker before it could tell of them."""
    assert 0 <= accepted(backend) - run.counted("subscribers", "connected") <= unreported, run.output
    ledger = run.summary["ledger"]["subscribers"]
    assert (ledger["open"], ledger["pending"]) == (0, 0)
    assert ledger["lost_with_worker"] == sum(loss["connections"] for loss in run.summary["lost"])
    assert open_now(backend) == 0
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)
