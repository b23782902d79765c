"""The demo backend as a child process. What it answers is `backend/`, which shares no code with us."""

import re
import sys
from collections.abc import Mapping

from loadtest.cli.processes import Children, Command, Exited, Interrupted, Line, Signalled, ending
from loadtest.errors import TargetError

__all__ = ["start_demo"]

READY = re.compile(r"listening on (http://\S+)")
START_S = 30.0
ARGV = (sys.executable, "-P", "-m", "backend", "--host", "127.0.0.1", "--port", "0")
"""-P: a folder called backend in the current directory must not be taken for ours."""
HINT = "It needs its own packages (pip install 'loadtest[demo]'); --target URL names a backend that runs already."


def start_demo(children: Children, environ: Mapping[str, str], token: str, seconds: float = START_S) -> str:
    """Start it and return its URL. It asks for `token` and, unless told otherwise, has no limit per address.

    Raises TargetError if it does not start, Interrupted at a signal.
    """
    limit = environ.get("WS_MAX_CONNECTIONS_PER_IP") or "0"
    settings = {"WS_MAX_CONNECTIONS_PER_IP": limit, "WS_AUTH_TOKEN": token, "PYTHONUNBUFFERED": "1"}
    child = children.start(Command("backend", ARGV, {**environ, **settings}, heard=True))
    for event in children.events(seconds):
        match event:
            case Line(text=text) if ready := READY.fullmatch(text):
                return ready[1]
            case Exited(child=ended) if ended is child:
                raise TargetError(f"the demo backend did not start ({ending(child.code or 0)}). {HINT}\n{child.tail()}")
            case Signalled():
                raise Interrupted
    raise TargetError(f"the demo backend did not say that it listens within {seconds:g} s.\n{child.tail()}")
