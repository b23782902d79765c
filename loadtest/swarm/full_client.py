"""`self.client` of a RestUser with `full_client`: redirects, cookies and uploads under the same surface."""

from collections.abc import Callable
from functools import partial
from http.cookiejar import CookieJar
from typing import Any

from loadtest.http1 import Request
from loadtest.swarm.full_http import FullConnection, FullRequest
from loadtest.swarm.http_client import Client, Files

__all__ = ["FullClient"]


class FullClient(Client):
    """As Client; `cookies` are those of all its connections."""

    def _connector(self, **options: Any) -> Callable[[], Any]:
        self.cookies = CookieJar()
        return partial(FullConnection, self._origin, cookies=self.cookies, **options)

    def _request(
        self, method: str, target: str, headers: dict[str, str], body: Any, files: Files | None
    ) -> FullRequest:
        # Built and thrown away: it raises ValueError for what would not be one well-formed request.
        checked = Request.build(method, target, host=self._host, headers=headers.items())
        return FullRequest(method, checked.target, headers, body, files or {})
