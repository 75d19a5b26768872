"""Whether the other end of a connection has left, told without reading what it sent before."""

from __future__ import annotations

import select
import socket
import sys


def has_left(connected: socket.socket) -> bool:
    """Whether the other end has closed the connection, or its writing half.

    Only Linux tells. Elsewhere it is noticed once reading goes on, or when an answer is written.
    """
    if sys.platform != "linux":
        return False
    poll = select.poll()
    poll.register(connected.fileno(), select.POLLRDHUP)
    return bool(poll.poll(0))
