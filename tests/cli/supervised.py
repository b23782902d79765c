"""A program for the tests: supervises `python -c` children that its one argument (JSON) describes.

It is a process of its own because supervising takes the signals of the main thread, and because pytest's process is
monkey-patched by Locust, which the command line never is. Its first line on stderr lists the children's pids.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from loadtest.cli.processes import Child, Children, Command, Interrupted
from loadtest.cli.supervision import Patience, Supervision
from loadtest.cli.world import World

WORLD = World(os.environ, sys.stdout, sys.stderr)


def command(name: str, source: str, *, heard: bool = False) -> Command:
    return Command(name, (sys.executable, "-u", "-I", "-S", "-c", source), os.environ, heard=heard)


def supervise(spec: dict[str, Any], children: Children) -> int:
    master = children.start(command("master", spec["master"], heard=True))
    workers: list[Child] = [
        children.start(command(f"worker-{n}", source)) for n, source in enumerate(spec.get("workers", []), 1)
    ]
    WORLD.warn(json.dumps([child.process.pid for child in children.all]))
    if spec.get("bug"):
        raise RuntimeError("a bug of ours")
    watch = Supervision(children, master, workers, WORLD, patience=Patience(**spec.get("patience", {})))
    verdict, sentence = watch.verdict(watch.run(), has_result=spec.get("has_result", True))
    WORLD.warn(sentence or "")
    return int(verdict)


def main() -> None:
    spec = json.loads(sys.argv[1])
    try:
        with Children(Path(spec["logs"]), patience=spec.get("term", 5.0)) as children:
            code = supervise(spec, children)
    except Interrupted:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
