"""Keeps connections for the next request, by origin; `ports.Transport` over them."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import Callable

from claude_proxy.core.egress import Egress
from claude_proxy.core.memory_budget import MemoryBudget, MemoryShare
from claude_proxy.core.types import Origin
from claude_proxy.net.upstream.connection import Connection
from claude_proxy.net.upstream.dialer import Dialer
from claude_proxy.net.upstream.idle_limits import IdleLimits
from claude_proxy.net.upstream.incoming_message import StaleError, UnansweredError
from claude_proxy.proxy.ports import Answer, Failure, UpstreamError, UpstreamRequest

MAX_IDLE_SECONDS = 300.0
"""How long a free connection is kept, unless its server is known to close it sooner (nginx 75, AWS load balancers 60,
Node 5): as long as the prompt cache lives."""

SWEEP_SECONDS = 30.0
"""Between two looks for free connections that are past their time."""

MAX_IDLE_CONNECTIONS = 64
"""Free connections kept for one origin: more than the agents that one person runs at once."""

READ_BYTES = 256 * 1024
"""The buffer that all connections read into: the size that asyncio itself uses."""


class HttpTransport:
    """`ports.Transport`: HTTP/1.1 over kept connections, directly or through the egress proxy.

    `https` origins are checked against `ssl_context`; without it, against what the system trusts. Raises `ValueError`
    if the proxy's address in `egress` is not valid. To be used in one event loop. What waits to be read is counted in
    `memory`.
    """

    def __init__(
        self, egress: Egress, *, ssl_context: ssl.SSLContext | None = None, memory: MemoryShare | None = None
    ) -> None:
        self._dialer = Dialer(egress, ssl_context)
        self._memory = memory or MemoryBudget().share()
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._idle: defaultdict[Origin, list[tuple[float, Connection]]] = defaultdict(list)
        self._connections: set[Connection] = set()
        self._limits = IdleLimits()
        self._next_sweep: asyncio.TimerHandle | None = None
        self._all_closed: asyncio.Future[None] | None = None
        self._on_unused: Callable[[HttpTransport], object] | None = None

    def __repr__(self) -> str:
        idle = sum(map(len, self._idle.values()))
        return f"<HttpTransport {len(self._connections)} connections, {idle} idle>"

    async def open(self, request: UpstreamRequest, *, connect_timeout: float, head_timeout: float) -> Answer:
        """Send a request, and return once the head of the answer is there, as `ports.Transport` promises."""
        since, kept = self._take(request.origin)
        if kept is not None:
            sent_at = time.time()
            try:
                return await kept.send(request, head_timeout)
            except StaleError:  # the network has changed, or a router has forgotten it: the others are dead as well
                self._limits.lost_silently(request.origin, sent_at - since)
                self._drop_before(request.origin, sent_at)
            except UnansweredError:
                pass  # it was closed while it was idle
        fresh = await self._connect(request.origin, connect_timeout)
        return await fresh.send(request, head_timeout)

    def retire(self, on_unused: Callable[[HttpTransport], object]) -> None:
        """Keep no connection from now on: one that is in use is closed with its answer, and so is one made later.

        `on_unused` is called when none is left; again, if one was made later.
        """
        self._on_unused = on_unused
        self._stop_sweeping()
        for connection in [connection for idle in self._idle.values() for _, connection in idle]:
            connection.abort()
        self._report_if_unused()

    async def aclose(self) -> None:
        """Close every connection, also those in use, and wait until their sockets are closed."""
        if self._all_closed is None:
            self._all_closed = asyncio.get_running_loop().create_future()
        self._stop_sweeping()
        for connection in list(self._connections):
            connection.abort()
        if self._connections:
            await self._all_closed

    # For the connections.

    def keep(self, connection: Connection) -> None:
        """Take back a connection that is free for another request; the oldest one makes room for it."""
        if self._all_closed is not None or self._on_unused is not None:
            connection.abort()
            return
        if connection.keep_alive:
            self._limits.read_header(connection.origin, connection.keep_alive)
        idle = self._idle[connection.origin]
        idle.append((time.time(), connection))
        if len(idle) > MAX_IDLE_CONNECTIONS:
            idle.pop(0)[1].abort()
        if self._next_sweep is None:
            self._plan_sweep()

    def forget(self, connection: Connection) -> None:
        """Drop a connection that is closed."""
        self._connections.discard(connection)
        idle = self._idle.get(connection.origin, [])
        for since, other in idle:
            if other is connection and self._all_closed is None and self._on_unused is None:
                self._limits.closed_by_server(connection.origin, time.time() - since)
        idle[:] = [entry for entry in idle if entry[1] is not connection]
        if self._all_closed is not None and not self._connections and not self._all_closed.done():
            self._all_closed.set_result(None)
        self._report_if_unused()

    # Inside.

    def _report_if_unused(self) -> None:
        if self._on_unused is not None and not self._connections:
            self._on_unused(self)

    def _stop_sweeping(self) -> None:
        if self._next_sweep is not None:
            self._next_sweep.cancel()
            self._next_sweep = None

    def _take(self, origin: Origin) -> tuple[float, Connection | None]:
        """Return the free connection that was used last, which is the most likely to be alive, and since when."""
        idle = self._idle.get(origin, [])
        while idle:
            since, connection = idle.pop()
            if self._is_fresh(origin, since):
                return since, connection
            connection.abort()
        return 0.0, None

    def _drop_before(self, origin: Origin, moment: float) -> None:
        """Close the connections that have been free since before a moment."""
        idle = self._idle.get(origin, [])
        older = [connection for since, connection in idle if since < moment]
        idle[:] = [entry for entry in idle if entry[0] >= moment]
        for connection in older:
            connection.abort()

    async def _connect(self, origin: Origin, connect_timeout: float) -> Connection:
        connection = Connection(origin, self, self._buffer, self._memory.part())
        try:
            await self._dialer.connect(origin, connection, connect_timeout)
        except BaseException:
            connection.abort()
            raise
        if self._all_closed is not None:
            connection.abort()
            raise UpstreamError(Failure.RESET, f"{connection.peer}: the transport is closed", sent=False)
        if not connection.closed:
            # Not before: uvloop never reports the end of a connection that was cancelled while it was made.
            self._connections.add(connection)
        return connection

    def _plan_sweep(self) -> None:
        self._next_sweep = asyncio.get_running_loop().call_later(
            min(SWEEP_SECONDS, MAX_IDLE_SECONDS), self._drop_expired
        )

    def _drop_expired(self) -> None:
        self._next_sweep = None
        for origin, idle in self._idle.items():
            for since, connection in idle:
                if not self._is_fresh(origin, since):
                    connection.abort()
            idle[:] = [entry for entry in idle if not entry[1].closed]
        self._idle = defaultdict(list, {origin: idle for origin, idle in self._idle.items() if idle})
        if self._idle:
            self._plan_sweep()

    def _is_fresh(self, origin: Origin, since: float) -> bool:
        """Return whether a connection that has been idle since then is worth trying.

        By the wall clock: the loop's own stands still while a laptop sleeps, but the server's timeout goes on.
        """
        return 0 <= time.time() - since < self._limits.of(origin, MAX_IDLE_SECONDS)
