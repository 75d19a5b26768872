"""Slow clients: some read slowly, some never read, some drip the head or the body of their request."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Final

from bench.soak import plan
from bench.soak.clients import Address, content_of
from bench.soak.outcome import ENDED, LEFT, NEVER_READS, WHOLE, Endings

from fakes.client import BrokenError
from fakes.stream_checks import COMPLETE, ending_of

RECEIVE_BUFFER: Final = 4096
SECONDS_AN_EVENT: Final = 0.5
"""Between two reads of a client that reads slowly: a whole answer takes it half a minute."""

SECONDS_A_BYTE: Final = 0.25
SECONDS_A_CLIENT: Final = 0.03
NOT_ENDED: Final = "it holds its connection to the end"

_TCP_ESTABLISHED: Final = 1


class SlowClients:
    """So many slow clients at once, of each kind a quarter."""

    def __init__(self, address: Address, first: int, endings: Endings) -> None:
        self._address = address
        self._numbers = itertools.count(first)
        self._endings = endings
        self._unread = set[asyncio.Task[None]]()

    @contextlib.asynccontextmanager
    async def running(self, total: int) -> AsyncIterator[None]:
        """Connect them, and let them go on while the block runs; then all leave that have not ended."""
        kinds = itertools.cycle((self._read_slowly, self._never_read, self._drip_head, self._drip_body))
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for kind in itertools.islice(kinds, total):
                task = group.create_task(kind(next(self._numbers), over))
                if kind == self._never_read:
                    self._unread.add(task)
                await asyncio.sleep(SECONDS_A_CLIENT)  # else all long answers begin at once, and providers are late
            try:
                yield
            finally:
                over.set()

    async def unread_ended(self, seconds: float) -> None:
        """Wait until the proxy has ended all clients that never read, or for so many seconds."""
        if self._unread:
            await asyncio.wait(self._unread, timeout=seconds)

    async def _read_slowly(self, number: int, _: asyncio.Event) -> None:
        """Read a long stream to its end, however long that takes."""
        connection = await self._address.connect(RECEIVE_BUFFER)
        content = plan.body(number, "large")
        try:
            await connection.send(self._address.head("large", len(content)) + content)
            answer, events = await connection.answer(), []
            async for event in answer.events():
                events.append(event)
                await asyncio.sleep(SECONDS_AN_EVENT)
            if ending_of(events) == COMPLETE and content_of(events) == plan.text_of(number, "large"):
                self._endings.end(f"reads slowly: {WHOLE}")
            else:
                self._endings.find(f"a client that reads slowly (request {number}) got {len(events)} events, not all")
        except (AssertionError, BrokenError, ConnectionError, ValueError) as error:
            self._endings.find(f"a client that reads slowly (request {number}): {error}")
        finally:
            connection.hang_up()

    async def _never_read(self, number: int, over: asyncio.Event) -> None:
        content = plan.body(number, "endless")
        await self._hold(NEVER_READS, [self._address.head("endless", len(content)) + content], over)

    async def _drip_head(self, number: int, over: asyncio.Event) -> None:
        head = self._address.head("stream", number + 1_000_000)
        await self._hold("drips its head", [head[at : at + 1] for at in range(len(head) - 2)], over)

    async def _drip_body(self, number: int, over: asyncio.Event) -> None:
        content = plan.body(number, "stream", 20_000)
        first = self._address.head("stream", len(content)) + content[:100]
        await self._hold("drips its body", [first, *(content[at : at + 1] for at in range(100, len(content)))], over)

    async def _hold(self, kind: str, pieces: Sequence[bytes], over: asyncio.Event) -> None:
        """Send pieces slowly and read nothing, until the proxy ends the connection or it is over."""
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            raw.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(raw, ("127.0.0.1", self._address.port))
            left = iter(pieces)
            while not over.is_set() and _is_open(raw):
                with contextlib.suppress(ConnectionError):
                    await loop.sock_sendall(raw, next(left, b""))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SECONDS_A_BYTE):
                        await over.wait()
            ended = not _is_open(raw)
        self._endings.end(f"{kind}: {ENDED if ended else f'{NOT_ENDED}, then {LEFT}'}")


def _is_open(raw: socket.socket) -> bool:
    """Tell whether a connection is established in both directions; it need not be read for that."""
    if sys.platform != "linux":
        raise AssertionError("the state of a connection is read as Linux tells it")
    return raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_ESTABLISHED
