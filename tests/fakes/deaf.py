"""A peer whose kernel drops what arrives: it acknowledges nothing, as a network that is gone without a word.

A filter on its socket does that, which Linux lets anybody set.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys

import pytest

from fakes.server_connection import ServerConnection

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: a filter on a socket makes a peer deaf")

SO_ATTACH_FILTER = 26
"""Of Linux's asm-generic/socket.h."""
DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)
"""One instruction of the classic packet filter: accept no byte."""


def deafen(connection: ServerConnection) -> None:
    """Let the kernel drop what arrives for this end, without an acknowledgement, from now on."""
    program = ctypes.create_string_buffer(DROP_ALL)
    filters = struct.pack("HL", 1, ctypes.addressof(program))
    connection.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filters)
