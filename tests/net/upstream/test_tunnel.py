"""The egress proxy: which hosts are reached through it, how a tunnel is requested, and the errors if there is none."""

from __future__ import annotations

import asyncio
import base64
import contextlib

import pytest

from claude_proxy.core.egress import Egress
from claude_proxy.core.types import Origin
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.net.upstream.tunnel import Bypass
from claude_proxy.proxy.ports import Failure
from fakes.async_test import on_both_loops
from fakes.server import PATIENCE, FakeServer, Handler
from fakes.server_connection import ServerConnection
from net.upstream_client import (
    FAR,
    always,
    ask,
    closed_port,
    failure_of,
    fetch,
    open_transport,
    read_all,
    silence,
)

HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
SOON = 0.05


def proxy_to(port: int, asked: list[bytes]) -> Handler:
    """Open every tunnel to one port, and note how it was asked for."""

    async def handle(connection: ServerConnection) -> None:
        asked.append((await connection.request(with_body=False)).head)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await connection.send(b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pump(connection.reader, writer))
                group.create_task(pump(reader, connection.writer))
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    return handle


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@pytest.mark.parametrize(
    ("user", "line"),
    [("", b""), ("me:p%40ss@", b"Proxy-Authorization: Basic " + base64.b64encode(b"me:p@ss") + b"\r\n")],
    ids=["open", "with a password"],
)
@on_both_loops
async def test_https_goes_through_the_egress_proxy(user: str, line: bytes) -> None:
    asked: list[bytes] = []
    async with (
        FakeServer(always(HELLO), tls=True) as server,
        FakeServer(proxy_to(server.port, asked)) as proxy,
        open_transport(Egress(f"http://{user}127.0.0.1:{proxy.port}")) as transport,
    ):
        for _ in range(2):
            assert (await fetch(transport, FAR, b"x" * 100_000))[2] == b"hello"
        assert asked == [b"CONNECT provider.test:443 HTTP/1.1\r\nHost: provider.test:443\r\n" + line + b"\r\n"]


@on_both_loops
async def test_http_does_not_go_through_the_egress_proxy() -> None:
    async with (
        FakeServer(always(HELLO)) as server,
        open_transport(Egress(f"http://127.0.0.1:{closed_port()}")) as transport,
    ):
        assert (await fetch(transport, server.origin))[2] == b"hello"


@on_both_loops
async def test_hosts_in_no_proxy_do_not_go_through_the_egress_proxy() -> None:
    async with (
        FakeServer(always(HELLO), tls=True) as server,
        open_transport(Egress(f"http://127.0.0.1:{closed_port()}", ("127.0.0.0/8",))) as transport,
    ):
        assert (await fetch(transport, server.origin))[2] == b"hello"


REFUSALS = {
    "403": (b"HTTP/1.1 403 Forbidden\r\n\r\n<html>", "refused the tunnel (403)"),
    "407": (b"HTTP/1.1 407 Who?\r\n\r\n", "wants another user name and password (407)"),
    "no HTTP": (b"SOCKS\r\n\r\n", "gave no HTTP answer to CONNECT"),
    "nothing": (b"", "gave no HTTP answer to CONNECT"),
    "too much": (b"HTTP/1.1 200 OK\r\n\r\nsurplus", "sent more than its answer to CONNECT"),
}


@pytest.mark.parametrize(("reply", "text"), REFUSALS.values(), ids=REFUSALS.keys())
@on_both_loops
async def test_an_egress_proxy_that_opens_no_tunnel_is_a_tunnel_failure(reply: bytes, text: str) -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.request(with_body=False)
        await connection.send(reply)

    async with (
        FakeServer(refuse) as proxy,
        open_transport(Egress(f"http://me:secret@127.0.0.1:{proxy.port}")) as transport,
    ):
        error = await failure_of(ask(transport, FAR))
        assert (error.failure, error.sent) == (Failure.TUNNEL, False)
        assert str(error) == f"proxy 127.0.0.1:{proxy.port} {text}"


@on_both_loops
async def test_an_endless_answer_of_the_egress_proxy_is_a_tunnel_failure() -> None:
    async def ramble(connection: ServerConnection) -> None:
        await connection.request(with_body=False)
        await connection.send(b"HTTP/1.1 200 OK\r\na: " + b"b" * 20_000)
        await connection.wait_until_left()

    async with FakeServer(ramble) as proxy, open_transport(Egress(f"http://127.0.0.1:{proxy.port}")) as transport:
        assert (await failure_of(ask(transport, FAR))).failure is Failure.TUNNEL


@pytest.mark.parametrize("host", [".provider.test", "a" * 64 + ".test"])
@on_both_loops
async def test_an_impossible_name_is_a_dns_failure_without_the_egress_proxy(host: str) -> None:
    async with FakeServer(silence) as proxy, open_transport(Egress(f"http://127.0.0.1:{proxy.port}")) as transport:
        error = await failure_of(ask(transport, Origin("https", host, 443)))
        assert (error.failure, error.sent) == (Failure.DNS, False)
        assert proxy.connections_made == 0


@on_both_loops
async def test_an_egress_proxy_that_cannot_be_reached_is_a_tunnel_failure() -> None:
    port = closed_port()
    async with open_transport(Egress(f"http://127.0.0.1:{port}")) as transport:
        error = await failure_of(ask(transport, FAR))
        assert error.failure is Failure.TUNNEL
        assert str(error) == f"proxy 127.0.0.1:{port} cannot be reached (127.0.0.1:{port}: connection refused)"


@on_both_loops
async def test_the_time_limit_covers_the_egress_proxy() -> None:
    async with FakeServer(silence) as proxy, open_transport(Egress(f"http://127.0.0.1:{proxy.port}")) as transport:
        error = await failure_of(ask(transport, FAR, connect_timeout=SOON))
        assert error.failure is Failure.CONNECT_TIMEOUT


@pytest.mark.parametrize("url", ["https://proxy:1", "socks5://me:secret@proxy", "http://", "proxy:8080", "http://p:x"])
def test_an_invalid_address_of_an_egress_proxy_is_refused(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        HttpTransport(Egress(url))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "host", "covered"),
    [
        ("*", "anything.example", True),
        ("corp.example", "corp.example", True),
        ("corp.example", "api.corp.example", True),
        ("corp.example", "notcorp.example", False),
        (".corp.example", "corp.example", True),
        (".corp.example", "api.corp.example", True),
        ("*.corp.example", "api.corp.example", True),
        ("CORP.example", "api.Corp.Example", True),
        (" corp.example ", "corp.example", True),
        ("api.corp.example", "corp.example", False),
        ("corp.example:443", "corp.example", True),
        ("corp.example:8443", "corp.example", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1:443", "10.0.0.1", True),
        ("10.0.0.1:80", "10.0.0.1", False),
        ("10.0.0.0/8", "10.9.8.7", True),
        ("10.0.0.5/8", "10.9.8.7", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "ten.example", False),
        ("0.0.1", "10.0.0.1", False),
        ("::1", "::1", True),
        ("[::1]:443", "::1", True),
        ("[::1]:80", "::1", False),
        ("fd00::/8", "fd12::1", True),
        ("", "corp.example", False),
        (".", "corp.example", False),
    ],
)
def test_hosts_that_no_proxy_covers(entry: str, host: str, *, covered: bool) -> None:
    assert Bypass(("elsewhere.example", entry)).covers(Origin("https", host, 443)) is covered


@on_both_loops
async def test_a_tunnel_carries_large_bodies_both_ways() -> None:
    size = 3 * 1024 * 1024
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size

    async with (
        FakeServer(always(answer), tls=True) as server,
        FakeServer(proxy_to(server.port, [])) as proxy,
        open_transport(Egress(f"http://127.0.0.1:{proxy.port}")) as transport,
    ):
        arrived = await ask(transport, FAR, b"y" * size)
        assert len(await read_all(arrived, PATIENCE)) == size
