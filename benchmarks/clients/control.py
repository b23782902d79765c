"""The commands of a client under gevent: lines on stdin, each answered by one line of JSON on stdout."""

import json
import sys
from collections.abc import Callable, Mapping

from gevent.fileobject import FileObjectPosix

__all__ = ["serve"]


def serve(commands: Mapping[str, Callable[..., object]]) -> None:
    """Say that we are ready, and do as told until stdin ends. A command's arguments are whole numbers."""
    _say({"ready": True})
    with FileObjectPosix(sys.stdin.fileno(), "rb", closefd=False) as lines:
        for line in lines:
            name, *arguments = line.decode().split()
            _say(commands[name](*map(int, arguments)))


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
