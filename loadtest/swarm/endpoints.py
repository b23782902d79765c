"""Where a group's users connect: from the profile's target and group to URLs, headers and limits."""

from urllib.parse import quote, urlsplit, urlunsplit

from loadtest.profiles import Target, WebSocketGroup
from loadtest.swarm.websocket import ConnectOptions

__all__ = ["connect_options", "websocket_url"]


def websocket_url(base: str, path: str, token: str) -> str:
    """`http(s)://host:port` and a path as the `ws(s)://` URL to connect to, with the token as RFC 3986 query."""
    parts = urlsplit(base)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path, _, query = path.partition("?")
    if token:
        query = f"{query}&token={quote(token, safe='')}" if query else f"token={quote(token, safe='')}"
    return urlunsplit((scheme, parts.netloc, path, query, ""))


def connect_options(target: Target, group: WebSocketGroup, base: str) -> ConnectOptions:
    """How a subscriber of this group connects to the target at `base`."""
    return ConnectOptions(
        url=websocket_url(base, group.websocket, target.token),
        headers=tuple({**target.headers, **group.headers}.items()),
        subprotocols=tuple(group.subprotocols),
        compression=group.compression,
        verify=target.verify,
        ca_file=target.ca_file,
        timeout=group.connect_timeout,
        max_message=group.max_message,
        receive_buffer=group.read.buffer if group.read is not None else None,
    )
