"""What a pause in a conversation costs with a provider 150 ms away: look-ups, handshakes, time to the answer.

Writes PAUSE.md, and fails if a pause of a minute costs a look-up or a handshake. The way to the provider is a relay
that holds each piece for 75 ms; the round trip of the TCP handshake, which no relay can hold, and the look-up are
slept.
The pauses are not: the wall clock, by which connections expire, is moved.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest import mock

import uvloop

from claude_proxy.core.egress import Egress
from claude_proxy.core.types import Origin
from claude_proxy.net.upstream import HttpTransport, pool, tcp
from claude_proxy.net.upstream.tls import ResumingContext
from claude_proxy.proxy.ports import UpstreamRequest
from fakes.server import PEM, server_tls

ROUND_TRIP: Final = 0.150
LOOK_UP: Final = 0.020
"""Seconds of a look-up that the resolver nearby answers."""
TURNS: Final = 7
BEFORE: Final = 30.0
"""Seconds for which every free connection was kept before."""
NAME: Final = "provider.bench"
BODY: Final = b"x" * 100_000
"""A short conversation."""
PAGE: Final = Path(__file__).with_name("PAUSE.md")
INTRODUCTION: Final = f"""# What a pause costs

Written by `make pause`: {TURNS} requests of 100 KB, each after a pause, to a provider {ROUND_TRIP * 1e3:.0f} ms away
over TLS 1.3. A relay delays what is sent; the TCP handshake and the look-up are slept, and the clock is moved.
A resumed session of TLS 1.3 takes as many round trips as a whole handshake. It spares the certificates: their bytes,
and the work to check them.
"""
HEAD: Final = """| | to the answer, median | look-ups | connections | whole handshakes | resumed |
|---|---|---|---|---|---|"""
ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


@dataclass(slots=True)
class Far:
    """A provider far away, and what it and the look-ups have been asked."""

    resumed: int = 0
    whole: int = 0
    look_ups: int = 0
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        if writer.get_extra_info("ssl_object").session_reused:
            self.resumed += 1
        else:
            self.whole += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(len(BODY))
                writer.write(ANSWER)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        return self.look_ups, self.connections, self.whole, self.resumed


@contextlib.asynccontextmanager
async def provider() -> AsyncIterator[tuple[Far, Origin]]:
    """Run the provider and the relay in front of it."""
    far = Far()
    server = await asyncio.start_server(far.serve, "127.0.0.1", 0, ssl=server_tls())
    port = server.sockets[0].getsockname()[1]

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far.connections += 1
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):  # the latter at the end of the loop
            async with asyncio.TaskGroup() as group:
                group.create_task(_hold(reader, there_writer))
                group.create_task(_hold(there_reader, writer))

    entrance = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield far, Origin("https", NAME, entrance.sockets[0].getsockname()[1])
    finally:
        entrance.close()
        server.close()


async def _hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass each piece on half a round trip later, in order."""
    loop = asyncio.get_running_loop()
    while piece := await reader.read(1 << 20):
        loop.call_later(ROUND_TRIP / 2, writer.write, piece)
    loop.call_later(ROUND_TRIP / 2, writer.close)


@contextlib.contextmanager
def far_away(far: Far, now: Callable[[], float]) -> Iterator[None]:
    """Let look-ups and TCP handshakes take their time, and the wall clock say `now`."""
    connect, look_up = tcp._connect, socket.getaddrinfo  # noqa: SLF001 - what a relay cannot delay

    async def slow_connect(target: Any) -> socket.socket:
        await asyncio.sleep(ROUND_TRIP)
        return await connect(target)

    def slow_look_up(host: str, port: int, *args: Any, **options: Any) -> Any:
        if host != NAME or options.get("flags"):
            return look_up(host, port, *args, **options)
        far.look_ups += 1
        time.sleep(LOOK_UP)  # noqa: TID251 - in the look-up's own thread
        return look_up("127.0.0.1", port, *args, **options)

    with (
        mock.patch.object(tcp, "_connect", slow_connect),
        mock.patch.object(socket, "getaddrinfo", slow_look_up),
        mock.patch.object(time, "time", now),
    ):
        yield


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request costs after a pause: medians of time, sums of the rest over `TURNS` requests."""

    seconds: float
    counts: tuple[int, int, int, int]


async def measure(pause: float, kept: float, *, resume: bool, cut: bool = False) -> Cost:
    """Measure requests with a pause before each. `cut`: the provider closes its connections within the pause."""
    passed = 0.0
    real_time = time.time
    async with provider() as (far, origin):
        with far_away(far, lambda: real_time() + passed), mock.patch.object(pool, "MAX_IDLE_SECONDS", kept):
            transport = HttpTransport(Egress(), ssl_context=_context(resume=resume))
            await _ask(transport, origin)
            before, times = far.counts, list[float]()
            for _ in range(TURNS):
                passed += pause
                if cut:
                    for writer in far.writers:
                        writer.close()
                    await asyncio.sleep(ROUND_TRIP)
                started = time.perf_counter()
                await _ask(transport, origin)
                times.append(time.perf_counter() - started)
            await transport.aclose()
    look_ups, connections, whole, resumed = (after - b for after, b in zip(far.counts, before, strict=True))
    return Cost(sorted(times)[TURNS // 2], (look_ups, connections, whole, resumed))


def _context(*, resume: bool) -> ssl.SSLContext:
    context = (ResumingContext if resume else ssl.SSLContext)(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(PEM)
    return context


async def _ask(transport: HttpTransport, origin: Origin) -> None:
    head = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(BODY)
    answer = await transport.open(UpstreamRequest(origin, head, BODY), connect_timeout=10, head_timeout=10)
    while await answer.read(10):
        pass
    answer.close()


def main() -> int:
    """Write the page. Returns 1 if a minute's pause costs a look-up or a handshake."""
    now, rows = pool.MAX_IDLE_SECONDS, dict[str, Cost]()
    for title, run in (
        ("no pause", measure(0, now, resume=True)),
        ("a minute's pause", measure(60, now, resume=True)),
        ("a minute's pause, connections kept 30 s as before", measure(60, BEFORE, resume=False)),
        ("ten minutes' pause: a fresh connection, session resumed", measure(600, now, resume=True)),
        ("ten minutes' pause, session not resumed", measure(600, now, resume=False)),
        ("the provider closed the connection meanwhile, session resumed", measure(60, now, resume=True, cut=True)),
    ):
        rows[title] = uvloop.run(run)
    lines = [
        f"| {title} | {cost.seconds * 1e3:.0f} ms | {' | '.join(map(str, cost.counts))} |"
        for title, cost in rows.items()
    ]
    table = "\n".join([HEAD, *lines])
    PAGE.write_text(f"{INTRODUCTION}\n{table}\n", encoding="utf-8")
    print(table)
    return 1 if any(rows["a minute's pause"].counts) else 0


if __name__ == "__main__":
    sys.exit(main())
