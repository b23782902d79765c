"""What Locust's own messages must look like before Locust sees them: it takes them at their word, and dies of others.

Ours (`loadtest.…`) are checked where they are read. What neither end has a use for is refused: code from the master
(workers run what is in their image), statistics (ours come as Records), new attributes of user classes.
"""

from collections.abc import Container
from typing import Annotated, Any

import msgspec

__all__ = ["from_master", "from_worker"]

Finite = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
Text = Annotated[str, msgspec.Meta(max_length=100_000)]
Name = Annotated[str, msgspec.Meta(max_length=512)]


class _Heartbeat(msgspec.Struct):
    state: Name
    current_cpu_usage: Finite
    current_memory_usage: Finite = 0.0


class _SpawningComplete(msgspec.Struct):
    user_classes_count: dict[Name, Count]
    user_count: Count = 0


class _Exception(msgspec.Struct):
    msg: Text
    traceback: Text


class _Logs(msgspec.Struct):
    worker_id: Name
    logs: list[Text]


class _Index(msgspec.Struct):
    index: Count


class _Spawn(msgspec.Struct):
    timestamp: Finite
    user_classes_count: dict[Name, Count]
    parsed_options: dict[Name, Any]
    host: str | None = None
    stop_timeout: Finite | None = None


class _Spawned(msgspec.Struct):
    user_count: Count


_WORKER: dict[str, Any] = {
    "client_ready": str | int,
    "client_stopped": Any,
    "heartbeat": _Heartbeat,
    "spawning": Any,
    "spawning_complete": _SpawningComplete,
    "exception": _Exception,
    "logs": _Logs,
    "quit": Any,
    "stats": dict[str, Any],
}
_MASTER: dict[str, Any] = {
    "ack": _Index | None,
    "spawn": _Spawn,
    "stop": Any,
    "quit": Any,
    "reconnect": Any,
    "heartbeat": Any,
    "spawning_complete": _Spawned,
}


def from_worker(kind: str, data: Any, ours: Container[str] = ()) -> str | None:
    """Why a worker's message must not reach Locust; None: it may. `ours` are the kinds that someone registered."""
    return _problem(_WORKER, kind, data, ours)


def from_master(kind: str, data: Any, ours: Container[str] = ()) -> str | None:
    """The same for a master's message."""
    return _problem(_MASTER, kind, data, ours)


def _problem(known: dict[str, Any], kind: str, data: Any, ours: Container[str]) -> str | None:
    if kind in known:
        try:
            msgspec.convert(data, known[kind])
        except (msgspec.ValidationError, RecursionError):
            return "a message that is not what its kind says"
        return None
    return None if kind in ours else "a message of a kind that is not known here"
