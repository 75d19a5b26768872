"""A server that says exactly what a test tells it to, byte for byte, and the client under test in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from claude_proxy.core.types import Egress, Headers, Origin
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.proxy.ports import Answer, Failure, UpstreamError, UpstreamRequest

LOOPS: list[Callable[[Coroutine[Any, Any, None]], None]] = [asyncio.run]
if sys.platform != "win32":
    import uvloop

    LOOPS.append(uvloop.run)

on_both_loops = pytest.mark.parametrize("run", LOOPS, ids=["asyncio", "uvloop"][: len(LOOPS)])

Run: TypeAlias = Callable[[Coroutine[Any, Any, None]], None]

PEM = Path(__file__).with_name("localhost.pem")
PATIENCE = 5.0
"""Seconds after which a test that waits for something fails."""

FAR = Origin("https", "provider.test", 443)
"""A name that only the proxy of a test knows."""

LINGER_FORMAT = "hh" if sys.platform == "win32" else "ii"


class Wire:
    """The server's end of one connection, counted from 0."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self) -> bytes:
        """Return the next request, head and body; ends the handler where the client has left."""
        head = await self.head()
        length = re.search(rb"content-length: (\d+)", head)
        return head + await self.reader.readexactly(int(length[1]) if length else 0)

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    def reset(self) -> None:
        """Close with RST, so that the client gets an error rather than an end."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(LINGER_FORMAT, 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Return once the client has closed its end."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Handler: TypeAlias = Callable[[Wire], Awaitable[None]]


class Peer:
    """A server on a free port; `handler` is called for every connection, which is closed when it returns."""

    def __init__(self, handler: Handler, *, tls: bool = False) -> None:
        self._handler = handler
        self._tls = tls
        self._wires: set[Wire] = set()
        self.connections = 0
        self.port = 0

    @property
    def origin(self) -> Origin:
        return Origin("https" if self._tls else "http", "127.0.0.1", self.port)

    async def __aenter__(self) -> Peer:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=server_tls() if self._tls else None, limit=1 << 20
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for wire in self._wires:
            wire.writer.transport.abort()
        await self.left()
        await self._server.wait_closed()

    async def left(self) -> None:
        """Return once no connection is open."""
        await until(lambda: not self._wires)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(self.connections, reader, writer)
        self.connections += 1
        self._wires.add(wire)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._handler(wire)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        finally:
            self._wires.discard(wire)


def saying(*answers: bytes) -> Handler:
    """Give the answers, one a request, on every connection anew; then hang up."""

    async def handle(wire: Wire) -> None:
        for answer in answers:
            await wire.request()
            await wire.send(answer)

    return handle


def always(answer: bytes) -> Handler:
    """Give the same answer to every request, and keep the connection."""

    async def handle(wire: Wire) -> None:
        while True:
            await wire.request()
            await wire.send(answer)

    return handle


async def silence(wire: Wire) -> None:
    await wire.gone()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def client_tls() -> ssl.SSLContext:
    """Trust the tests' own certificate, and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(PEM)
    context.set_alpn_protocols(["http/1.1"])
    return context


@contextlib.asynccontextmanager
async def client(egress: Egress | None = None, *, trusting: bool = True) -> AsyncIterator[HttpTransport]:
    """Give a transport, and see that nothing is left of it at the end."""
    transport = HttpTransport(egress or Egress(), ssl_context=client_tls() if trusting else None)
    try:
        async with asyncio.timeout(PATIENCE):
            yield transport
    finally:
        await transport.aclose()
    assert repr(transport) == "<HttpTransport 0 connections, 0 idle>"


def request_to(origin: Origin, body: bytes = b"") -> UpstreamRequest:
    return UpstreamRequest(origin, b"POST /v1 HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body), body)


async def ask(
    transport: HttpTransport,
    origin: Origin,
    body: bytes = b"",
    *,
    connect_timeout: float = PATIENCE,
    head_timeout: float = PATIENCE,
) -> Answer:
    return await transport.open(request_to(origin, body), connect_timeout=connect_timeout, head_timeout=head_timeout)


async def read_all(answer: Answer, timeout: float = PATIENCE) -> bytes:
    pieces = []
    while piece := await answer.read(timeout):
        pieces.append(piece)
    return b"".join(pieces)


async def fetch(transport: HttpTransport, origin: Origin, body: bytes = b"") -> tuple[int, Headers, bytes]:
    answer = await ask(transport, origin, body)
    return answer.status, answer.headers, await read_all(answer)


async def failure_of(work: Awaitable[object]) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await work
    return caught.value


async def refusal(handler: Handler) -> Failure:
    """Return why a request to such a peer gets no answer."""
    async with Peer(handler) as peer, client() as transport:
        return (await failure_of(ask(transport, peer.origin))).failure


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another party does in its own time."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  what is waited for knows nothing of this test
            await asyncio.sleep(0.001)
