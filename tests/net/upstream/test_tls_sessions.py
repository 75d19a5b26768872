"""A fresh connection to a host that is known resumes its TLS session: no certificate is sent and checked again."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from claude_proxy.core.egress import Egress
from claude_proxy.net.upstream import HttpTransport, tls
from claude_proxy.net.upstream.tls import ResumingContext
from fakes.async_test import on_both_loops
from fakes.server import PEM, FakeServer, server_tls
from fakes.server_connection import ServerConnection
from net.upstream_client import fetch

HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


class Resumed:
    """Answers one request on each connection, then closes it; notes which handshakes resumed a session."""

    def __init__(self, answer: bytes = HELLO) -> None:
        self._answer = answer
        self.handshakes = list[bool]()

    async def __call__(self, connection: ServerConnection) -> None:
        connected = connection.writer.get_extra_info("ssl_object")
        self.handshakes.append(connected.session_reused)
        await connection.request()
        await connection.send(self._answer)
        await asyncio.sleep(0)


def resuming(version: ssl.TLSVersion | None = None) -> ResumingContext:
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(PEM)
    if version:
        context.maximum_version = version
    return context


@pytest.mark.parametrize("field", [b"", b"\r\nconnection: close"], ids=["kept", "closed"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda one: one.name)
@on_both_loops
async def test_the_next_connection_resumes_the_session_of_the_last(version: ssl.TLSVersion, field: bytes) -> None:
    server_side = Resumed(HELLO.replace(b"\r\n\r\n", field + b"\r\n\r\n"))
    async with FakeServer(server_side, tls=True) as server:
        transport = HttpTransport(Egress(), ssl_context=resuming(version))
        for _ in range(3):
            assert (await fetch(transport, server.origin))[2] == b"hello"
            await server.wait_until_disconnected()
        await transport.aclose()
    assert server_side.handshakes == [False, True, True]


@on_both_loops
async def test_a_server_that_does_not_know_the_session_any_more_gets_a_whole_handshake() -> None:
    context, handshakes = resuming(), list[bool]()
    for _ in range(2):
        server_side = Resumed()
        async with FakeServer(server_side, tls=True) as server:  # a new context: it cannot read the old tickets
            transport = HttpTransport(Egress(), ssl_context=context)
            assert (await fetch(transport, server.origin))[2] == b"hello"
            await server.wait_until_disconnected()
            await transport.aclose()
        handshakes += server_side.handshakes
    assert handshakes == [False, False]


def test_the_number_of_sessions_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "MAX_SESSIONS", 2)
    context = resuming()
    session = _session(context)
    for host in ("a", "b", "a", "c"):
        context.keep(host, session)
    assert list(context._kept()) == ["a", "c"]


def _session(context: ResumingContext) -> ssl.SSLSession:
    """Return the session of a handshake in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname="localhost")
    server = server_tls().wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client.session is not None
    return client.session
