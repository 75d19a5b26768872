"""A provider on raw sockets that answers the n-th request with the n-th script."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ssl
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

from fakes.server_connection import Request, ServerConnection
from fakes.steps import Close, Cut, RefuseToRead, Script

PATIENCE = 10.0
"""Seconds after which waiting for something that must happen fails the test."""

Responder = Callable[[Request], Script]


class FakeProvider:
    """Plays `scripts`, one a request, the last one again and again; a function makes up one for the request it gets.

    On leaving its context it raises `BadRequestError` where something came that is not a proper request.
    """

    def __init__(self, *scripts: Script | Responder, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.hang_ups = 0
        self._scripts = scripts
        self._played = 0
        self._playing = 0
        self._tls = tls
        self._faults: list[Exception] = []
        self._changed = asyncio.Event()
        self._connections: list[ServerConnection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
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
        if self._faults and error is None:
            raise self._faults[0]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._tasks)

    @property
    def connections_made(self) -> int:
        return len(self._connections)

    @property
    def bytes_sent(self) -> int:
        """Bytes handed to the system so far, on all connections."""
        return sum(connection.sent for connection in self._connections)

    async def wait_for_hang_ups(self, times: int = 1) -> None:
        """Return once so many clients have left before their answer was over."""
        await self._until(lambda: self.hang_ups >= times, "nobody hung up")

    async def wait_for_requests(self, times: int = 1) -> None:
        """Return once so many requests have come."""
        await self._until(lambda: len(self.requests) >= times, f"only {len(self.requests)} requests came")

    async def wait_until_idle(self) -> None:
        """Return once no script is being played: connections that are open are idle."""
        await self._until(lambda: not self._playing, "an answer has no end")

    async def wait_until_disconnected(self) -> None:
        """Return once no connection is open."""
        await self._until(lambda: not self._tasks, "connections are still open")

    async def _until(self, happened: Callable[[], bool], otherwise: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not happened():
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
            await self._serve(connection)
        except asyncio.CancelledError:
            pass  # the test is over
        except Exception as fault:  # noqa: BLE001 - what goes wrong here fails the test when it leaves the context
            self._faults.append(fault)
        finally:
            await connection.abandon()
            self._tasks.discard(task)
            self._changed.set()

    async def _serve(self, connection: ServerConnection) -> None:
        while connection.reusable and (request := await connection.read_head()):
            script = self._next()
            reads = callable(script) or not isinstance(script[0], RefuseToRead)
            if reads:
                request = dataclasses.replace(request, body=await connection.read_body(request))
            self.requests.append(request)
            self._changed.set()
            if not await self._answer(connection, script(request) if callable(script) else script, watching=reads):
                return

    def _next(self) -> Script | Responder:
        script = self._scripts[min(self._played, len(self._scripts) - 1)]
        self._played += 1
        return script

    async def _answer(self, connection: ServerConnection, script: Script, *, watching: bool) -> bool:
        """Play a script; tell whether the connection can take another request."""
        async with asyncio.TaskGroup() as group, self._counted():
            playing = group.create_task(self._play(connection, script))
            watch = group.create_task(connection.watch() if watching else asyncio.Event().wait())
            await asyncio.wait((playing, watch), return_when=asyncio.FIRST_COMPLETED)
            over = playing.done()
            playing.cancel()
            watch.cancel()
        if not over:
            self.hang_ups += 1
        return over and playing.result()

    @contextlib.asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._playing += 1
        try:
            yield
        finally:
            self._playing -= 1
            self._changed.set()

    async def _play(self, connection: ServerConnection, script: Script) -> bool:
        try:
            for step in script:
                await step.play(connection)
                if isinstance(step, Cut | Close):
                    return False
            await connection.finish()
        except ConnectionError:
            self.hang_ups += 1
            return False
        return connection.reusable
