"""Connections that are kept for the next request, by origin; `ports.Transport` over them."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict

from claude_proxy.core.types import Egress, Origin
from claude_proxy.net.upstream.connection import Connection
from claude_proxy.net.upstream.dialer import Dialer
from claude_proxy.net.upstream.incoming_message import UnansweredError
from claude_proxy.proxy.ports import Answer, Failure, UpstreamError, UpstreamRequest

MAX_IDLE_SECONDS = 30.0
"""How long a free connection is kept. Servers close theirs after 60 (nginx 75, AWS load balancers 60, Node 5)."""

MAX_IDLE_CONNECTIONS = 64
"""Free connections kept for one origin: more than the agents that one person runs at once."""

READ_BYTES = 256 * 1024
"""The buffer that all connections read into: the size that asyncio itself uses."""


class HttpTransport:
    """`ports.Transport`: HTTP/1.1 with kept connections, straight or through the user's proxy.

    `ssl_context` is what `https` origins are checked against; without it, what the system trusts. Raises `ValueError`
    where the proxy's address in `egress` is none. To be used in one event loop.
    """

    def __init__(self, egress: Egress, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._dialer = Dialer(egress, ssl_context)
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._idle: defaultdict[Origin, list[tuple[float, Connection]]] = defaultdict(list)
        self._connections: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        idle = sum(map(len, self._idle.values()))
        return f"<HttpTransport {len(self._connections)} connections, {idle} idle>"

    async def open(self, request: UpstreamRequest, *, connect_timeout: float, head_timeout: float) -> Answer:
        """Send a request, and return once the head of the answer has come, as `ports.Transport` promises."""
        kept = self._take(request.origin)
        if kept is not None:
            try:
                return await kept.send(request, head_timeout)
            except UnansweredError:
                pass  # closed while it was idle, as it turns out
        fresh = await self._connect(request.origin, connect_timeout)
        return await fresh.send(request, head_timeout)

    async def aclose(self) -> None:
        """Close every connection, also those in use, and wait until their sockets are closed."""
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._connections):
            connection.abort()
        if self._connections:
            await self._drained

    # For the connections.

    def keep(self, connection: Connection) -> None:
        """Take back a connection that is free for another request; the oldest one makes room for it."""
        if self._drained is not None:
            connection.abort()
            return
        idle = self._idle[connection.origin]
        idle.append((time.time(), connection))
        if len(idle) > MAX_IDLE_CONNECTIONS:
            idle.pop(0)[1].abort()
        if self._sweep is None:
            self._plan_sweep()

    def forget(self, connection: Connection) -> None:
        """Hear that a connection is closed."""
        self._connections.discard(connection)
        idle = self._idle.get(connection.origin, [])
        idle[:] = [entry for entry in idle if entry[1] is not connection]
        if self._drained is not None and not self._connections and not self._drained.done():
            self._drained.set_result(None)

    # Inside.

    def _take(self, origin: Origin) -> Connection | None:
        """Return the connection that was used last: the likeliest to be alive."""
        idle = self._idle.get(origin, [])
        while idle:
            since, connection = idle.pop()
            if _fresh(since):
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: Origin, connect_timeout: float) -> Connection:
        connection = Connection(origin, self, self._buffer)
        try:
            await self._dialer.connect(origin, connection, connect_timeout)
        except BaseException:
            connection.abort()
            raise
        if self._drained is not None:
            connection.abort()
            raise UpstreamError(Failure.RESET, f"{connection.peer}: the transport is closed", sent=False)
        if not connection.closed:
            # Not before: uvloop never tells of the end of a connection whose making was cancelled.
            self._connections.add(connection)
        return connection

    def _plan_sweep(self) -> None:
        self._sweep = asyncio.get_running_loop().call_later(MAX_IDLE_SECONDS, self._drop_expired)

    def _drop_expired(self) -> None:
        self._sweep = None
        for idle in self._idle.values():
            for since, connection in idle:
                if not _fresh(since):
                    connection.abort()
            idle[:] = [entry for entry in idle if not entry[1].closed]
        if any(self._idle.values()):
            self._plan_sweep()


def _fresh(since: float) -> bool:
    """Return whether a connection that is idle since then is worth a try.

    By the clock on the wall: the loop's own stands still while a laptop sleeps, the server's patience does not.
    """
    return 0 <= time.time() - since < MAX_IDLE_SECONDS
