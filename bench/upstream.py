"""The provider behind every measurement: a process of its own that answers as the request's query asks.

    ?script=burst      100 events, each a chunk, in one write
    ?script=singles    1,000 events, each in a write of its own, with a turn of the event loop between two
    ?script=hold       the opening of a stream, then silence
    ?fault=429         on paths under `/failing` only: the fault in place of the script

Prints its port once it listens; ends with its standard input.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Final, cast

import uvloop
from bench import traffic

BURST: Final = 100
SINGLES: Final = 1000
REFUSED: Final = "refused"
"""The only fault that is not an answer: no program listens on the port."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_FAULT: Final = re.compile(rb"fault=(\w+)")
_SCRIPT: Final = re.compile(rb"script=(\w+)")
_RESET: Final = struct.pack("ii", 1, 0)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"request-id: req_011CS\r\ntransfer-encoding: chunked\r\n\r\n"
)
_LAST_CHUNK: Final = b"0\r\n\r\n"


def _whole(status: bytes, kind: bytes, content: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (status, kind, len(content), content)


def _error(status: bytes, kind: bytes) -> bytes:
    content = b'{"type":"error","error":{"type":"%b","message":"scripted"}}' % kind
    return _whole(status, b"application/json", content)


_NOT_FOUND: Final = _error(b"404 Not Found", b"not_found_error")
_SCRIPTS: Final = {
    b"burst": [_HEAD + b"".join(map(_chunk, traffic.events(BURST))) + _LAST_CHUNK],
    b"singles": [_HEAD, *map(_chunk, traffic.events(SINGLES)), _LAST_CHUNK],
    b"hold": [_HEAD + b"".join(map(_chunk, traffic.opening()))],
}
_FAULTS: Final = {
    b"429": [_error(b"429 Too Many Requests", b"rate_limit_error")],
    b"529": [_error(b"529 Overloaded", b"overloaded_error")],
    b"reset": [],
    b"error_event": [_HEAD + _chunk(traffic.ERROR) + _LAST_CHUNK],
    b"html": [_whole(b"200 OK", b"text/html", b"<html><body>Please log in.</body></html>")],
    b"empty": [_whole(b"200 OK", b"text/event-stream", b"")],
}
FAULTS: Final = (*(fault.decode() for fault in _FAULTS), REFUSED)


class Provider(asyncio.Protocol):
    """One connection: requests one after the other; their bodies are counted, not kept."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._head = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer once the body is whole."""
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._head, 0, end + 2)
            self._missing = int(length[1]) - (len(self._head) - end - 4) if length else 0
        if not self._missing:
            target, self._head = self._head.partition(b"\r\n")[0], b""
            self._answer(target)

    def _answer(self, target: bytes) -> None:
        writes = _writes(target)
        if writes:
            self._write(writes, 0)
        else:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    def _write(self, writes: Sequence[bytes], position: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(writes[position])
        if position + 1 < len(writes):
            self._loop.call_soon(self._write, writes, position + 1)


def _writes(target: bytes) -> Sequence[bytes]:
    """Return what is written to answer a request line, none for a reset."""
    fault = _FAULT.search(target)
    if fault and b" /failing/" in target:
        return _FAULTS[fault[1]]
    script = _SCRIPT.search(target)
    return _SCRIPTS[script[1]] if script else [_NOT_FOUND]


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Provider, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve())
