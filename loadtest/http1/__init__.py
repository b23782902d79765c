"""HTTP/1.1 as values and bytes (RFC 9110, RFC 9112): request bytes out, response bytes in. No socket, no clock."""

from loadtest.http1.content import decode
from loadtest.http1.request import NO_JSON, Request
from loadtest.http1.response import MAX_BODY, Response, ResponseParser

__all__ = ["MAX_BODY", "NO_JSON", "Request", "Response", "ResponseParser", "decode"]
