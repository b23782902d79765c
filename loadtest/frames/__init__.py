"""The client's side of one WebSocket connection (RFC 6455): bytes in, messages out. No socket, no clock."""

from loadtest.frames.ends import Closed
from loadtest.frames.handshake import Handshake, parse_url
from loadtest.frames.session import Session

__all__ = ["Closed", "Handshake", "Session", "parse_url"]
