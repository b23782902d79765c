"""Connections that libzmq owns, by their descriptors: how much was said on them, and their end.

libzmq may have closed one, and its number may be another file's by now: only a TCP connection to the given port is
looked at. If that came even later, it is one of the same kind, and a worker's tries again.
"""

import _socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

__all__ = ["Talk", "end", "talk_of"]

TAKEN_AT, SENT_AT = 120, 128
"""Where tcpi_bytes_acked and tcpi_bytes_received are in Linux' struct tcp_info."""


class Talk(NamedTuple):
    """Bytes that a peer sent, and that it has acknowledged of ours."""

    sent: int
    taken: int


@contextmanager
def _borrowed(descriptor: int, port: int) -> Iterator[_socket.socket | None]:
    """The connection, or None if it is none to that port."""
    # No copy of the descriptor: there may be none left for it. And not gevent's socket, which would watch it.
    borrowed = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM, 0, descriptor)
    try:
        name = borrowed.getsockname()
        yield borrowed if isinstance(name, tuple) and name[1] == port else None  # a Unix socket's is text
    finally:
        borrowed.detach()


def talk_of(descriptor: int, port: int) -> Talk | None:
    """How much was said, as Linux knows it (elsewhere: nothing); None: it is gone."""
    try:
        with _borrowed(descriptor, port) as connection:
            if connection is None:
                return None
            if not sys.platform.startswith("linux"):
                return Talk(0, 0)
            info = connection.getsockopt(_socket.IPPROTO_TCP, _socket.TCP_INFO, SENT_AT + 8)
    except OSError:
        return None
    taken, sent = (int.from_bytes(info[at : at + 8], sys.byteorder) for at in (TAKEN_AT, SENT_AT))
    return Talk(sent, taken)


def end(descriptor: int, port: int) -> None:
    """End it as if its peer had."""
    try:
        with _borrowed(descriptor, port) as connection:
            if connection is not None:
                connection.shutdown(_socket.SHUT_RDWR)
    except OSError:  # it is gone
        pass
