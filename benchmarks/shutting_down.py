"""How long the end of a run takes: `loadtest run` as a user starts it, with 10,000 subscribers on one worker."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Sample
from benchmarks.programs import HERE, ROOT

__all__ = ["shutdown"]

SUBSCRIBERS = 10_000
RUN_S = 30.0
BROADCAST = "send 1 200 same"
END_S = 60.0


def shutdown(bench: Bench, *, swap: bool) -> Iterator[Sample]:  # noqa: ARG001 - there is nothing to swap
    """From the end of the profile's last stage to the end of the last process; the target counts the Close frames."""
    with bench.target() as (target, port), tempfile.TemporaryDirectory() as folder:
        target.ask(BROADCAST)
        summary, ended = _run(bench, port, Path(folder))
        began = datetime.fromisoformat(summary["started_at"]).timestamp()
        counted = target.ask("stats")
        if counted["closes"] != SUBSCRIBERS or counted["dropped"] or summary["peak_users"] != SUBSCRIBERS:
            raise RuntimeError(f"{SUBSCRIBERS} Close frames should have come: {counted}, {summary['peak_users']} users")
        yield Sample("shutdown", ended - began - RUN_S)


def _run(bench: Bench, port: int, folder: Path) -> tuple[dict[str, Any], float]:
    """The run's summary, and when it ended (wall clock, like `started_at`)."""
    options = ["--workers", "1", "--target", f"http://127.0.0.1:{port}", "--out", str(folder)]
    run = [sys.executable, "-m", "loadtest", "run", str(HERE / "shutdown.yaml"), *options]
    command = ["taskset", "--cpu-list", str(bench.client_core), *run]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_S + END_S, check=False)
    ended = time.time()
    found = list(folder.glob("*/summary.json"))
    if not found or done.returncode:
        raise RuntimeError(f"the run ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return json.loads(found[0].read_text()), ended
