"""One distinct request, checked and written out once, sent as often as one likes. What comes back is response.py's."""

import json as json_module
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

__all__ = ["NO_JSON", "Request"]

NO_JSON: Any = object()
"""Stands for "no JSON body", since None is a JSON value (null)."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset({"content-length", "transfer-encoding"})
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_ALLOWED_IN_TARGET = "/?:@!$&'()*+,;=-._~%[]|"


@dataclass(frozen=True, slots=True)
class Request:
    """A request and its bytes. Its `repr` shows neither headers nor query, where tokens are."""

    method: str
    target: str = field(repr=False)
    """Path and query as sent."""
    data: bytes = field(repr=False)
    """Head and body, ready for the socket."""
    idempotent: bool
    """Sending it twice does what sending it once does (RFC 9110, 9.2.2), so it may be retried."""

    @classmethod
    def build(
        cls,
        method: str,
        target: str,
        *,
        host: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        json: Any = NO_JSON,
    ) -> Self:
        """Check the parts and write them out; `host` is the authority ("name:port") for the Host header.

        Raises ValueError, which never repeats a header's value, for what would not be one well-formed request.
        """
        if not _TOKEN.fullmatch(method):
            raise ValueError(f"not a method: {method!r}")
        if json is not NO_JSON:
            if body:
                raise ValueError("a request has either a body or json, not both")
            body = json_module.dumps(json, separators=(",", ":")).encode()
        target = _checked_target(target)
        fields = _fields(method, host, list(headers), len(body), is_json=json is not NO_JSON)
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
        return cls(method, target, "\r\n".join(lines).encode("latin-1") + body, method in _IDEMPOTENT)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _fields(
    method: str, host: str, headers: list[tuple[str, str]], length: int, *, is_json: bool
) -> list[tuple[str, str]]:
    given = {name.lower() for name, _ in headers}
    fields = [] if "host" in given else [("Host", host)]
    fields += headers
    if is_json and "content-type" not in given:
        fields.append(("Content-Type", "application/json"))
    if length or method in _WITH_BODY:
        fields.append(("Content-Length", str(length)))
    for name, value in fields:
        _check_header(name, value)
    if ours := given & _OURS:
        raise ValueError(f"header {min(ours)!r} is written from the body; leave it out")
    return fields


def _check_header(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"not a header name: {name!r}")
    if _CONTROL.search(value):
        raise ValueError(f"the value of header {name!r} has a line break or another control character")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        # `from None`: the codec's message would repeat the value.
        raise ValueError(f"the value of header {name!r} cannot be sent: it is not Latin-1") from None


def _checked_target(target: str) -> str:
    if _CONTROL.search(target) or "\t" in target:
        raise ValueError("a path has a line break or another control character")
    if not target.startswith("/") and target != "*":
        raise ValueError(f"a path starts with a slash: {target.partition('?')[0]!r}")
    return quote(target.partition("#")[0], safe=_ALLOWED_IN_TARGET)
