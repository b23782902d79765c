"""From a profile's requests to what is sent: which client, which headers, which bytes."""

import json
from urllib.parse import urlencode, urlsplit

from loadtest import http1
from loadtest.profiles import Request as RequestSpec
from loadtest.profiles import RestGroup, Target
from loadtest.swarm.full_http import FullConnection, FullRequest
from loadtest.swarm.http import HttpConnection

__all__ = ["AnyConnection", "AnyRequest", "connection_to", "request_to"]

AnyConnection = HttpConnection | FullConnection
AnyRequest = http1.Request | FullRequest


def connection_to(url: str, target: Target, group: RestGroup) -> AnyConnection:
    """A user's connection to one of the target's URLs."""
    kind = FullConnection if group.client == "full" else HttpConnection
    return kind(url, verify=target.verify, ca_file=target.ca_file, timeout=group.timeout)


def request_to(url: str, target: Target, group: RestGroup, spec: RequestSpec) -> AnyRequest:
    """A request to one of the target's URLs, ready to be sent. Raises ValueError for what can't be one."""
    headers = {**target.headers, **group.headers, **spec.headers}
    body, kind = b"", ""
    if spec.form:
        body, kind = urlencode(spec.form).encode(), "application/x-www-form-urlencoded"
    elif spec.body is not None:
        body, kind = json.dumps(spec.body, separators=(",", ":")).encode(), "application/json"
    if kind and not spec.files and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = kind
    light = http1.Request.build(spec.method, spec.path, host=urlsplit(url).netloc, headers=headers.items(), body=body)
    if group.client != "full":
        return light
    files = {name: (file.filename or name, file.content, file.type) for name, file in spec.files.items()}
    return FullRequest(spec.method, light.target, headers, spec.form if files else body, files)
