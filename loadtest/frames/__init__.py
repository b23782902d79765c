"""The client's side of one WebSocket connection (RFC 6455): bytes in, messages out. No socket, no clock."""

from loadtest.frames.ends import Closed
from loadtest.frames.handshake import Handshake
from loadtest.frames.offer import Offer, offer
from loadtest.frames.repeat import Repeat
from loadtest.frames.session import Session

__all__ = ["Closed", "Handshake", "Offer", "Repeat", "Session", "offer"]
