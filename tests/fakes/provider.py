"""A provider on raw sockets that answers the n-th request with the n-th script."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from fakes.server import FakeServer
from fakes.server_connection import Request, ServerConnection
from fakes.steps import Close, Cut, RefuseToRead, Script

Responder = Callable[[Request], Script]


class FakeProvider(FakeServer):
    """Plays `scripts`, one a request, the last one again and again; a function makes up one for the request it gets.

    When its context ends, it raises `BadRequestError` if something came that is not a proper request.
    """

    def __init__(self, *scripts: Script | Responder, tls: bool = False) -> None:
        super().__init__(self._serve, tls=tls)
        self.requests: list[Request] = []
        self.hang_ups = 0
        self._scripts = scripts
        self._played = 0
        self._playing = 0

    async def wait_for_hang_ups(self, times: int = 1) -> None:
        """Return once so many clients have left before their answer was over."""
        await self._wait_until(lambda: self.hang_ups >= times, "no client hung up")

    async def wait_for_requests(self, times: int = 1) -> None:
        """Return once so many requests have come."""
        await self._wait_until(lambda: len(self.requests) >= times, f"only {len(self.requests)} requests came")

    async def wait_until_idle(self) -> None:
        """Return once no script is being played: connections that are open are idle."""
        await self._wait_until(lambda: not self._playing, "an answer has no end")

    async def _serve(self, connection: ServerConnection) -> None:
        while connection.reusable and (request := await connection.read_head()):
            script = self._next()
            reads = callable(script) or not isinstance(script[0], RefuseToRead)
            if reads:
                request = await connection.read_body(request)
            if (request.header("connection") or "").lower() == "close":
                connection.reusable = False
            self.requests.append(request)
            self._changed.set()
            if not await self._answer(connection, script(request) if callable(script) else script, watching=reads):
                await connection.abandon()
                return

    def _next(self) -> Script | Responder:
        script = self._scripts[min(self._played, len(self._scripts) - 1)]
        self._played += 1
        return script

    async def _answer(self, connection: ServerConnection, script: Script, *, watching: bool) -> bool:
        """Play a script; tell whether the connection can take another request."""
        async with asyncio.TaskGroup() as group, self._counted():
            playing = group.create_task(self._play(connection, script))
            watch = group.create_task(connection.wait_until_left() if watching else asyncio.Event().wait())
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
