"""`self.client` of a plain locustfile: what people use of Locust's FastHttpSession, on our own connection.

No redirects, cookies or uploads: `full_client.py` has those, under the same surface.
"""

import json as json_module
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

import gevent

from loadtest.clock import Clock, SystemClock
from loadtest.http1 import Request
from loadtest.swarm.client_response import BadStatus, ClientResponse, Outcome
from loadtest.swarm.http import UNANSWERED, Answer, HttpConnection, RequestFailed

__all__ = ["BadStatus", "Client", "ClientResponse", "Files", "Outcome"]

Files = Mapping[str, tuple[str, bytes, str]]
"""Form field -> (file name, content, media type)."""

_Body = str | bytes | Mapping[str, Any] | None
_ABSOLUTE = re.compile("https?://", re.IGNORECASE)

_BUILT = 256
"""Requests without headers or a body of their own that are kept ready; past that, all are forgotten."""


class Client:
    """Requests to one target, kept alive; `report` is called once for each request.

    One connection, and another for each greenlet more that uses it at the same time.
    """

    def __init__(
        self,
        base_url: str,
        report: Callable[[Outcome], None],
        *,
        headers: Mapping[str, str] | None = None,
        verify: bool = True,
        ca_file: str | None = None,
        timeout: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.username is not None:
            raise ValueError("credentials in a URL end up in logs: send an Authorization header instead")
        self.base_url = base_url.rstrip("/")
        self._host = parts.netloc
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._prefix = parts.path.rstrip("/")
        self._headers = dict(headers or {})
        self._report = report
        self._clock = clock or SystemClock()
        self._connect: Callable[[], Any] = self._connector(verify=verify, ca_file=ca_file, timeout=timeout)
        self._all: list[Any] = []
        self._idle: list[Any] = []
        self._built: dict[tuple[str, str], Any] = {}

    def _connector(self, **options: Any) -> Callable[[], Any]:
        """What opens one more connection."""
        return partial(HttpConnection, self._origin, **options)

    def close(self) -> None:
        """Close every connection; another request would open a new one."""
        for connection in self._all:
            connection.close()

    def request(  # noqa: PLR0913 - as FastHttpSession has them
        self,
        method: str,
        path: str,
        name: str | None = None,
        data: _Body = None,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        files: Files | None = None,
        catch_response: bool = False,
        timeout: float | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> ClientResponse:
        """Send a request and wait for its answer; failures to get one are in the response (`status_code` 0, `error`).

        Args:
            method: as sent, so in capitals.
            path: beginning with a slash, put behind the base URL; or an absolute URL of the same host.
            name: what it is counted under instead of `path`.
            data: body; a mapping is sent as a form.
            json: body, if `data` is empty; None is no body.
            params: appended to the path as its query.
            headers: in addition to the client's, replacing those of the same name.
            files: form field -> (file name, content, media type); only where `full_client` is set.
            catch_response: report at the end of a `with` block, not at once.
            timeout: seconds for everything, connecting included; default: the client's.
            context: handed through to `request` listeners.

        Raises:
            ValueError: the request could not be written, or the URL leads to another host.
        """
        due = self._clock.monotonic()
        request = self._built_request(method, self._target(path, params), data, json, headers, files)
        cut: BaseException | None = None
        try:
            end = self._exchange(request, timeout)
        except gevent.GreenletExit as leaving:
            cut, end = leaving, RequestFailed(UNANSWERED)
            end.sent, end.done = due, self._clock.monotonic()
        response = ClientResponse(self._origin + request.target, end)
        outcome = Outcome(method, name or path, response, due, end.sent, end.done, end.retries, dict(context or {}))
        outcome.judge(response.error)
        if cut is not None:
            self._report(outcome)
            raise cut
        if catch_response:
            response.report_at_exit(outcome, self._report)
        else:
            self._report(outcome)
        return response

    def _exchange(self, request: Any, timeout: float | None) -> Answer | RequestFailed:
        if not self._idle:
            self._idle.append(self._connect())
            self._all.append(self._idle[-1])
        connection = self._idle.pop()
        end: Answer | RequestFailed
        try:
            end = connection.request(request, timeout)
        except RequestFailed as failure:
            end = failure.with_traceback(None)  # or its frames would live as long as the response
        finally:
            self._idle.append(connection)
        return end

    def _target(self, path: str, params: Mapping[str, Any] | None) -> str:
        if _ABSOLUTE.match(path):
            parts = urlsplit(path)
            if f"{parts.scheme}://{parts.netloc}".lower() != self._origin.lower():
                raise ValueError(f"{parts.scheme}://{parts.netloc} is not this user's host, {self._origin}")
            path = path[len(self._origin) :]
            path = path if path.startswith("/") else f"/{path}"
        else:
            if not path.startswith("/"):
                raise ValueError(f"a path starts with a slash: {path.partition('?')[0]!r}")
            path = self._prefix + path
        if params:
            path += ("&" if "?" in path else "?") + urlencode(params, doseq=True)
        return path

    def _built_request(
        self,
        method: str,
        target: str,
        data: _Body,
        json: Any,
        headers: Mapping[str, str] | None,
        files: Files | None,
    ) -> Any:
        """The request as it is sent; the plain ones (no body or headers of their own) are kept: they come again."""
        plain = not data and json is None and not headers and not files
        known = self._built.get((method, target)) if plain else None
        if known is not None:
            return known
        merged = {name.lower(): (name, value) for name, value in {**self._headers, **(headers or {})}.items()}
        body, fields = b"", None
        if isinstance(data, Mapping) and files:
            fields = dict(data)
        elif isinstance(data, Mapping):
            body = urlencode(data, doseq=True).encode()
            merged.setdefault("content-type", ("Content-Type", "application/x-www-form-urlencoded"))
        elif data:
            body = data.encode() if isinstance(data, str) else data
        elif json is not None:
            body = json_module.dumps(json, separators=(",", ":")).encode()
            merged.setdefault("content-type", ("Content-Type", "application/json"))
        request = self._request(method, target, dict(merged.values()), fields or body, files)
        if plain:
            if len(self._built) >= _BUILT:
                self._built.clear()
            self._built[method, target] = request
        return request

    def _request(self, method: str, target: str, headers: dict[str, str], body: Any, files: Files | None) -> Any:
        if files:
            raise ValueError("files need `full_client = True` in the user's class")
        return Request.build(method, target, host=self._host, headers=headers.items(), body=body)

    def get(self, path: str, **kwargs: Any) -> ClientResponse:
        """`request("GET", …)`."""
        return self.request("GET", path, **kwargs)

    def head(self, path: str, **kwargs: Any) -> ClientResponse:
        """`request("HEAD", …)`."""
        return self.request("HEAD", path, **kwargs)

    def options(self, path: str, **kwargs: Any) -> ClientResponse:
        """`request("OPTIONS", …)`."""
        return self.request("OPTIONS", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> ClientResponse:
        """`request("DELETE", …)`."""
        return self.request("DELETE", path, **kwargs)

    def post(self, path: str, data: _Body = None, json: Any = None, **kwargs: Any) -> ClientResponse:
        """`request("POST", …)`."""
        return self.request("POST", path, data=data, json=json, **kwargs)

    def put(self, path: str, data: _Body = None, **kwargs: Any) -> ClientResponse:
        """`request("PUT", …)`."""
        return self.request("PUT", path, data=data, **kwargs)

    def patch(self, path: str, data: _Body = None, **kwargs: Any) -> ClientResponse:
        """`request("PATCH", …)`."""
        return self.request("PATCH", path, data=data, **kwargs)
