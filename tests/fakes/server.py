"""A server on raw sockets: a test's own function handles each connection, with TLS or without."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from claude_proxy.core.types import Origin
from fakes.server_connection import ServerConnection

PATIENCE = 10.0
"""Seconds after which waiting for something that must happen fails the test."""

PEM = Path(__file__).with_name("localhost.pem")
"""The certificate of 127.0.0.1 and localhost, and its key."""

Handler: TypeAlias = Callable[[ServerConnection], Awaitable[None]]


class FakeServer:
    """Listens on a free port of 127.0.0.1 and calls `handler` for each connection, which is closed when it returns.

    A handler may end with a `ConnectionError`: the client has left. Any other error fails the test when the server's
    context ends.
    """

    def __init__(self, handler: Handler, *, tls: bool = False) -> None:
        self.port = 0
        self._handler = handler
        self._tls = tls
        self._errors: list[Exception] = []
        self._changed = asyncio.Event()
        self._connections: list[ServerConnection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        tls = server_tls() if self._tls else None
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._errors and error is None:
            raise self._errors[0]

    @property
    def origin(self) -> Origin:
        return Origin("https" if self._tls else "http", "127.0.0.1", self.port)

    @property
    def url(self) -> str:
        return f"{self.origin.scheme}://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._tasks)

    @property
    def connections_made(self) -> int:
        return len(self._connections)

    @property
    def bytes_sent(self) -> int:
        """Bytes handed to the system so far, on all connections."""
        return sum(connection.sent for connection in self._connections)

    @property
    def connections(self) -> tuple[ServerConnection, ...]:
        """All that were made, also those that are closed."""
        return tuple(self._connections)

    def stop_listening(self) -> None:
        """Take no more connections; those that are open stay."""
        if self._server is not None:
            self._server.close()

    async def wait_until_disconnected(self) -> None:
        """Return once no connection is open."""
        await self._wait_until(lambda: not self._tasks, "connections are still open")

    async def _wait_until(self, condition: Callable[[], bool], otherwise: str) -> None:
        """Return once a condition holds, which only `_changed` can make true. Fails the test after `PATIENCE`."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(otherwise) from None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = ServerConnection(reader, writer, len(self._connections))
        self._connections.append(connection)
        try:
            with contextlib.suppress(ConnectionError):
                await self._handler(connection)
            await connection.close()
        except asyncio.CancelledError:
            pass  # the test is over
        except Exception as error:  # noqa: BLE001 - it fails the test when the context ends
            self._errors.append(error)
        finally:
            await connection.abandon()
            self._tasks.discard(task)
            self._changed.set()


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context
