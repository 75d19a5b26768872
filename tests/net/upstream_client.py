"""The transport to providers as its tests use it: requests, failures, and what servers answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from claude_proxy.core.egress import Egress
from claude_proxy.core.memory_budget import MemoryShare
from claude_proxy.core.types import Headers, Origin
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.proxy.ports import Answer, Failure, UpstreamError, UpstreamRequest
from fakes.server import PATIENCE, PEM, FakeServer, Handler
from fakes.server_connection import ServerConnection

FAR = Origin("https", "provider.test", 443)
"""A host that only the proxy of a test can resolve."""


def saying(*answers: bytes) -> Handler:
    """Send the answers, one a request, on each connection; then hang up."""

    async def handle(connection: ServerConnection) -> None:
        for answer in answers:
            await connection.request()
            await connection.send(answer)

    return handle


def always(answer: bytes) -> Handler:
    """Send the same answer to each request, and keep the connection."""

    async def handle(connection: ServerConnection) -> None:
        while True:
            await connection.request()
            await connection.send(answer)

    return handle


async def silence(connection: ServerConnection) -> None:
    await connection.wait_until_left()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def client_tls() -> ssl.SSLContext:
    """Trust only the tests' own certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(PEM)
    context.set_alpn_protocols(["http/1.1"])
    return context


@contextlib.asynccontextmanager
async def open_transport(
    egress: Egress | None = None, *, trusting: bool = True, memory: MemoryShare | None = None
) -> AsyncIterator[HttpTransport]:
    """Give a transport, and check that nothing is left of it at the end."""
    context = client_tls() if trusting else None
    transport = HttpTransport(egress or Egress(), ssl_context=context, memory=memory)
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
    """Return why a request to such a server gets no answer."""
    async with FakeServer(handler) as server, open_transport() as transport:
        return (await failure_of(ask(transport, server.origin))).failure


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens elsewhere."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  what is waited for cannot signal
            await asyncio.sleep(0.001)
