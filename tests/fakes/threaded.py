"""Fake servers for tests that block: commands, shells, clients without an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fakes.provider import FakeProvider, Responder
from fakes.server import PATIENCE, FakeServer
from fakes.steps import Script


@contextmanager
def serving(served: FakeServer | Responder | Script) -> Iterator[str]:
    """Run a fake server, or a provider that plays this script, on a loop in a thread of its own; give its base URL.

    The server's errors are raised at the end, as in its own context.
    """
    server = served if isinstance(served, FakeServer) else FakeProvider(served)
    ready, done = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    async def serve() -> None:
        async with server:
            ready.set()
            await asyncio.to_thread(done.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - it is raised in the test's thread
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(PATIENCE), errors
        yield server.url
    finally:
        done.set()
        thread.join()
    if errors:
        raise errors[0]
