"""A program for the tests: `loadtest` with small stand-ins for Locust, the demo backend and the live check.

Each stand-in writes its arguments and its environment to FAKE_DIR/<role>-<pid>.json. The master waits for its workers,
prints a line, leaves a summary.json (unless FAKE_RESULT is `no`) and exits with FAKE_CODE; then the workers end.
"""

import os
import sys
from functools import partial

from loadtest.cli import check, demo, local, main, run, targets

STAND_IN = """
import json, os, pathlib, signal, socket, sys, time
role = next((word[2:] for word in sys.argv if word in ("--master", "--worker")), sys.argv[1])
def option(name):
    return int(sys.argv[sys.argv.index(name) + 1])
path = pathlib.Path(os.environ["FAKE_DIR"], f"{role}-{os.getpid()}.json")
path.write_text(json.dumps({"argv": sys.argv[1:], "environ": dict(os.environ)}))
if role == "backend":
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        signal.pause()
if role == "worker":
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", option("--master-port")))
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
    connection.recv(1)
    sys.exit()
if role == "master":
    listener = socket.create_server(("127.0.0.1", option("--master-bind-port")))
    workers = [listener.accept() for _ in range(option("--expect-workers"))]
print("the result", flush=True)
if os.environ.get("FAKE_RESULT") != "no" and "LOADTEST_RUN_ID" in os.environ:
    directory = pathlib.Path(os.environ["LOADTEST_OUT"], os.environ["LOADTEST_RUN_ID"])
    (directory / "summary.json").write_text(json.dumps({"finished": os.environ.get("FAKE_RESULT") != "half"}))
sys.exit(int(os.environ.get("FAKE_CODE", "0")))
"""


def stand_in(*options: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", STAND_IN, *options)


local.locust = stand_in
demo.ARGV = stand_in("backend")
check.LIVE = stand_in("live")
run.await_targets = partial(targets.await_targets, patience=0.3)

if __name__ == "__main__":
    sys.exit(int(main(sys.argv[1:], os.environ, sys.stdout, sys.stderr)))
