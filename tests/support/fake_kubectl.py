#!/usr/bin/env python3
"""Stands in for kubectl in the tests of k8s/run/run.sh: keeps what is applied, and plays one run of the master's Job.

$FAKE_CLUSTER is its memory, a folder: `script.json` (exit_code, phases that the master's pod goes through, bundle: the
run's files), `objects.json` (what is there now), `calls` (every call, a line each), `applied.yaml` (all that ever was).
"""

import io
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any

import yaml

HOME = Path(os.environ["FAKE_CLUSTER"])
UID = "00000000-1111-2222-3333-444444444444"


def load(name: str, default: Any) -> Any:
    """What stands in a file of its memory."""
    path = HOME / name
    return json.loads(path.read_text()) if path.exists() else default


def save(name: str, content: Any) -> None:
    """Keep it."""
    (HOME / name).write_text(json.dumps(content))


SCRIPT = load("script.json", {})
OBJECTS: dict[str, Any] = load("objects.json", {})
PHASES = SCRIPT.get("phases", ["Pending", "Running"])


def apply() -> None:
    """`apply -f -`."""
    text = sys.stdin.read()
    with (HOME / "applied.yaml").open("a") as kept:
        kept.write(f"---\n{text}")
    for content in yaml.safe_load_all(text):
        if content:
            OBJECTS[f"{content['kind'].lower()}/{content['metadata']['name']}"] = content
    save("objects.json", OBJECTS)


def patch(kind: str, name: str, file: str) -> None:
    """`patch KIND NAME --patch-file F`."""
    change = json.loads(Path(file).read_text())
    OBJECTS[f"{kind}/{name}"]["data"] |= change["data"]
    save("patched.json", OBJECTS[f"{kind}/{name}"]["data"])
    save("objects.json", OBJECTS)


def delete(names: list[str]) -> None:
    """`delete KIND/NAME…`."""
    for name in names:
        OBJECTS.pop(name, None)
    save("objects.json", OBJECTS)


def phase() -> str:
    """The phase that the master's pod is in; each look moves it on by one."""
    looks = load("looks.json", 0)
    save("looks.json", looks + 1)
    return str(PHASES[min(looks, len(PHASES) - 1)])


def finished() -> bool:
    """Whether the master's log has been followed to its end."""
    return (HOME / "ended").exists()


def get_job(output: str) -> str:
    """`get job run-master`: its name, its uid, or how it has ended."""
    if "job/run-master" not in OBJECTS:
        return ""
    if output == "name":
        return "job.batch/run-master"
    if "uid" in output:
        return UID
    over = finished() or SCRIPT.get("over", False)
    return ("Complete" if SCRIPT.get("exit_code", 0) == 0 else "FailureTarget\nFailed") if over else ""


def get(words: list[str], output: str) -> str:
    """`get …`: as much of it as the script asks for."""
    kind = words[0]
    if kind == "job":
        return get_job(output)
    if kind == "pods":
        return "pod/run-master-abcde" if "job/run-master" in OBJECTS and output == "name" else "NAME  STATUS"
    if kind.startswith("pod/"):
        return str(SCRIPT.get("exit_code", 0)) if "exitCode" in output else phase()
    return "now   Warning   FailedScheduling   0/3 nodes are available" if kind == "events" else ""


def archive(run: str) -> bytes:
    """The run's directory as a tar file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in SCRIPT.get("bundle", {}).items():
            entry = tarfile.TarInfo(f"{run}/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def main(argv: list[str]) -> int:
    """Do what one call asks for."""
    with (HOME / "calls").open("a") as calls:
        calls.write(" ".join(argv) + "\n")
    words = [word for word in argv if not word.startswith("--")]
    if "--namespace" in argv:
        words.remove(argv[argv.index("--namespace") + 1])
    verb, *rest = words
    output = rest[rest.index("-o") + 1] if "-o" in rest else ""
    if verb == "apply":
        if SCRIPT.get("refuse"):
            sys.stderr.write(f"{SCRIPT['refuse']}\n")
            return 1
        apply()
    elif verb == "patch":
        patch(rest[0], rest[1], next(word for word in reversed(rest) if word.endswith(".json")))
    elif verb == "delete":
        delete(rest)
    elif verb == "get":
        sys.stdout.write(get(rest, output) + "\n")
    elif verb == "logs" and "--follow" in argv:
        sys.stdout.write("  PASS: all 3 SLOs held\n")
        (HOME / "ended").touch()
    elif verb == "exec" and "tar" in rest:
        if SCRIPT.get("no_bundle"):
            return 1
        sys.stdout.buffer.write(archive(rest[-1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
