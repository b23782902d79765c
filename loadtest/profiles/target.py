"""The target section: where the backend is, how it is told who we are, and where its clock is."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from loadtest.profiles.section import Section
from loadtest.profiles.values import Flag, Headers, Text, Token, request_path

__all__ = ["DEMO", "Target", "read_urls"]

DEMO = "demo"
"""In place of a URL: the built-in backend, which `loadtest run` starts itself."""
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+(%25[A-Za-z0-9._-]+)?\]")


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("has no valid host or port: write http://host:port") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must be http://host:port or https://host:port, or demo; WebSockets derive ws:// from it")
    host = parts.netloc.removesuffix(f":{port}")
    if parts.username is not None:
        raise ValueError("must not hold credentials: use target.token or target.headers")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must end after the port: paths belong to users and requests")
    if not _HOST.fullmatch(host) or port == 0:
        raise ValueError("has no valid host or port: write http://host:port")
    return text.rstrip("/")


def read_urls(given: Any) -> tuple[str, ...]:
    """Read one URL, several with commas between them, or a list. Raises ValueError."""
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be a URL, or a list of URLs")
    texts = [part.strip() for part in parts]
    if not all(texts) or not texts:
        raise ValueError("must be http://host:port, a list of them, or demo")
    if DEMO in texts:
        if len(texts) > 1:
            raise ValueError("can't name demo beside other targets")
        return (DEMO,)
    return tuple(_url(text) for text in texts)


def _clock(given: Any) -> str:
    if given == "same":
        return "same"
    try:
        return request_path(given)
    except ValueError:
        raise ValueError("must be same (one host for both) or a path of the target such as /time") from None


class Target(Section):
    """Where the load goes."""

    urls: Annotated[
        tuple[str, ...],
        BeforeValidator(read_urls),
        PlainSerializer(lambda urls: urls[0] if len(urls) == 1 else list(urls), when_used="json"),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
    ] = Field(
        alias="url",
        description="http(s)://host:port, several of them (a list, or with commas), or demo: the built-in backend.",
    )
    token: Token = Field("", description="Sent as ?token=… when a WebSocket connects. Secret: masked everywhere.")
    headers: Headers = Field({}, description="Sent with every request and every WebSocket handshake.")
    verify: Flag = Field(default=True, description="Whether certificates are checked (https and wss).")
    ca_file: Text | None = Field(None, description="A file of certificates to trust instead of the system's.")
    clock: Annotated[str, BeforeValidator(_clock)] | None = Field(
        None,
        description="Where the server tells its time: a path, or same (one host). Left out: unknown, so that delivery"
        " latency can't be told.",
    )
