"""The other end of a connection: whether it has left, and how to close without waiting for it."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import sys
from typing import Final

_AT_ONCE: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""A `struct linger` that is on, with no second to wait."""


def has_left(connected: socket.socket) -> bool:
    """Whether the other end has closed the connection, or its writing half; what it sent before is not read.

    Only Linux tells. Elsewhere it is noticed once reading goes on, or when an answer is written.
    """
    if sys.platform != "linux":
        return False
    poll = select.poll()
    poll.register(connected.fileno(), select.POLLRDHUP)
    return bool(poll.poll(0))


def reset_on_close(connected: socket.socket) -> None:
    """Let the system drop what it holds for the other end once the connection is closed, and reset it.

    Else it tries for minutes to deliver that, megabytes, to an end that does not read.
    """
    with contextlib.suppress(OSError):  # if the other end has reset it
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
