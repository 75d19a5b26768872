"""A tap between a client and a gateway: passes bytes on as they are, and notes each request for an answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from bench.faults.answers import holds_tool_result, is_main

from fakes.server_connection import reset

_READ_SIZE: Final = 65536


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for an answer of the conversation; those for a title and the like are left out."""

    at: float
    streamed: bool
    after_tool: bool
    """Whether the tool has run."""


@dataclass(slots=True)
class Tap:
    """What has passed so far."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    last_byte: float = 0.0
    """When anything passed last, on the monotonic clock."""

    def note(self, head: bytes, body: bytes) -> None:
        """Take note of a whole request."""
        if not head.startswith(b"POST ") or b"/v1/messages" not in head or b"count_tokens" in head.split(b"\r\n")[0]:
            return
        request = json.loads(body)
        if is_main(request):
            self.asked.append(Asked(time.monotonic(), bool(request.get("stream")), holds_tool_result(request)))


@asynccontextmanager
async def tapping(gateway: int) -> AsyncIterator[Tap]:
    """Listen on a port of its own in front of the gateway's port while the block runs."""
    tap = Tap()
    tasks = set[asyncio.Task[None]]()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        with suppress(asyncio.CancelledError):  # the case is over
            await _connect(tap, gateway, reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    tap.port = server.sockets[0].getsockname()[1]
    try:
        yield tap
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _connect(tap: Tap, gateway: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        upstream, to_gateway = await asyncio.open_connection("127.0.0.1", gateway)
    except OSError:
        writer.transport.abort()
        return
    try:
        async with asyncio.TaskGroup() as group:
            up = group.create_task(_pass_requests(tap, reader, to_gateway))
            down = group.create_task(_pass_answers(tap, upstream, writer))
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            down.cancel()
    finally:
        to_gateway.transport.abort()
        writer.close()


async def _pass_answers(tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass an answer on; a connection that the gateway resets is reset here as well."""
    try:
        while data := await reader.read(_READ_SIZE):
            tap.last_byte = time.monotonic()
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        with suppress(OSError):  # the client has left
            reset(writer)


async def _pass_requests(tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pending = b""
    with suppress(ConnectionError):
        while data := await reader.read(_READ_SIZE):
            writer.write(data)
            await writer.drain()
            pending = _note_all(tap, pending + data)


def _note_all(tap: Tap, pending: bytes) -> bytes:
    """Note the requests that are whole; return what is left."""
    while b"\r\n\r\n" in pending:
        head, _, rest = pending.partition(b"\r\n\r\n")
        length = next((line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b"0")
        if len(rest) < int(length):
            break
        tap.note(head, rest[: int(length)])
        pending = rest[int(length) :]
    return pending
