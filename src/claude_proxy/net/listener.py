"""Where clients connect: uvicorn's HTTP protocol on our own socket.

uvicorn's own `Server` is not used: it wakes ten times a second, takes over the process's signals, and cannot be drained
while it still answers `/health`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from typing import Final

import uvicorn
from uvicorn._types import ASGI3Application

from claude_proxy.net.client_connection import ClientConnection, Connections

KEEP_ALIVE: Final = 120
"""Seconds that an idle connection is kept: longer than Claude Code keeps it, so that the client closes first."""

BACKLOG: Final = 512

WANTED_DESCRIPTORS: Final = 65_536
"""Open files of this process, of which each client and each provider at work takes one: enough for tens of thousands of
streams. More makes programs that close all they might have slow to start."""

MACOS_DESCRIPTORS: Final = 10_240
"""What macOS accepts if it claims to have no limit (OPEN_MAX)."""


class Listener:
    """Listens from `start` to `close`. A connection with a request in flight stays open until that is answered."""

    def __init__(self, app: ASGI3Application) -> None:
        logging.getLogger("uvicorn.error").disabled = True  # a malformed request is the client's problem, not the log's
        self._config = uvicorn.Config(
            app,
            http=ClientConnection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        self._config.load()
        self._state = Connections()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port; 0 asks for a free one. Raises `OSError`."""
        self._server = await asyncio.get_running_loop().create_server(
            self._protocol, sock=_bound(host, port), backlog=BACKLOG
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def _protocol(self) -> asyncio.Protocol:
        return ClientConnection(config=self._config, server_state=self._state, app_state={})

    def close(self) -> None:
        """Take no more connections, and close those that are idle."""
        self._state.closing = True
        if self._server:
            self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()

    async def wait_closed(self, timeout: float | None = None) -> None:
        """Wait until the last answer is out. After `timeout` seconds, close the connections that are still open."""
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=timeout)
        if self._state.tasks:
            for connection in list(self._state.connections):
                connection.transport.abort()
            await asyncio.wait(self._state.tasks)


def _bound(host: str, port: int) -> socket.socket:
    """Return a bound socket. Raises `OSError`, with the system's number, if the port is taken."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows: there SO_REUSEADDR would share the port with any program
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def raise_descriptor_limit() -> None:
    """Raise the limit on open files as far as this user may; many systems start with 256 or 1024. Never fails."""
    if sys.platform == "win32":
        return  # sockets are not counted there
    import resource  # noqa: PLC0415 - not for Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (WANTED_DESCRIPTORS, MACOS_DESCRIPTORS):
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft == resource.RLIM_INFINITY or limit <= soft:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (OSError, ValueError):
            continue
        return
