"""Everything that needs gevent or Locust.

A plain locustfile needs no more than `from loadtest.swarm import RestUser, WebSocketUser`. That hooks into Locust's
events, and importing Locust patches the process, so both happen only when one of these names is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadtest.swarm.hooks import RestUser, WebSocketUser

__all__ = ["RestUser", "WebSocketUser"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from loadtest.swarm import hooks  # noqa: PLC0415 - see the docstring

    return getattr(hooks, name)
