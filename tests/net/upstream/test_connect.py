"""Getting through: name look-up, TCP, TLS and the proxy on the way out; and what is told when one of them fails."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import Iterator

import pytest

from claude_proxy.core.types import Egress, Origin
from claude_proxy.net.upstream import HttpTransport, tcp, tls
from claude_proxy.proxy.ports import Failure
from net.upstream_peer import (
    FAR,
    PEM,
    Handler,
    Peer,
    Run,
    Wire,
    always,
    ask,
    client,
    closed_port,
    failure_of,
    fetch,
    on_both_loops,
    silence,
)

HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
SOON = 0.05


@contextlib.contextmanager
def full_server() -> Iterator[int]:
    """Listen on a port whose queue is full: Linux lets further connections wait in silence."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    """Let every name stand for these addresses; none: for nothing."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *_: int, flags: int = 0, **__: int) -> list[object]:
        if flags & socket.AI_NUMERICHOST:
            return list(real(host, port, type=socket.SOCK_STREAM, flags=flags))
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "nodename nor servname provided")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@on_both_loops
def test_a_closed_port_is_refused(run: Run) -> None:
    async def story() -> None:
        port = closed_port()
        async with client() as transport:
            error = await failure_of(ask(transport, Origin("http", "127.0.0.1", port)))
            assert (error.failure, error.sent) == (Failure.REFUSED, False)
            assert str(error) == f"127.0.0.1:{port}: connection refused"

    run(story())


@on_both_loops
def test_localhost_is_reached_whatever_address_family_listens(run: Run) -> None:
    async def story() -> None:
        async with Peer(always(HELLO)) as peer, client() as transport:
            assert (await fetch(transport, Origin("http", "localhost", peer.port)))[2] == b"hello"

    run(story())


@on_both_loops
def test_no_way_there_is_unreachable(run: Run) -> None:
    async def story() -> None:
        async with client() as transport:
            # a link-local address without the link: no system sends anything for it
            error = await failure_of(ask(transport, Origin("http", "fe80::1", 80)))
            assert (error.failure, error.sent) == (Failure.UNREACHABLE, False)
            assert str(error).startswith("[fe80::1]:80: ")

    run(story())


def test_an_unknown_name_is_a_dns_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch)

    async def story() -> None:
        async with client() as transport:
            error = await failure_of(ask(transport, FAR))
            assert (error.failure, error.sent, str(error)) == (Failure.DNS, False, "provider.test: name not found")

    asyncio.run(story())


@on_both_loops
@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..test"])
def test_an_impossible_name_is_a_dns_failure(run: Run, host: str) -> None:
    async def story() -> None:
        async with client() as transport:
            assert (await failure_of(ask(transport, Origin("https", host, 443)))).failure is Failure.DNS

    run(story())


def test_the_addresses_of_a_name_are_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with Peer(always(HELLO)) as peer, client() as transport:
            resolve_to(monkeypatch, ("127.0.0.1", closed_port()), ("127.0.0.1", peer.port))
            assert (await fetch(transport, Origin("http", "provider.test", 80)))[2] == b"hello"

    asyncio.run(story())


def test_an_address_that_refused_says_more_than_one_without_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, ("127.0.0.1", closed_port()), ("255.255.255.255", 80))

    async def story() -> None:
        async with client() as transport:
            error = await failure_of(ask(transport, Origin("http", "provider.test", 80)))
            assert (error.failure, str(error)) == (Failure.REFUSED, "provider.test:80: connection refused")

    asyncio.run(story())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is silent when the queue of a port is full")
def test_a_silent_address_is_left_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "FALLBACK_AFTER", SOON)

    async def story() -> None:
        async with Peer(always(HELLO)) as peer, client() as transport:
            with full_server() as silent:
                resolve_to(monkeypatch, ("127.0.0.1", silent), ("127.0.0.1", peer.port))
                assert (await fetch(transport, Origin("http", "provider.test", 80)))[2] == b"hello"

    asyncio.run(story())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is silent when the queue of a port is full")
@on_both_loops
def test_silence_at_the_port_is_a_connect_timeout(run: Run) -> None:
    async def story() -> None:
        with full_server() as port:
            async with client() as transport:
                origin = Origin("http", "127.0.0.1", port)
                error = await failure_of(ask(transport, origin, connect_timeout=SOON))
                assert (error.failure, error.sent) == (Failure.CONNECT_TIMEOUT, False)
                assert str(error) == f"127.0.0.1:{port}: no connection within 0.05 s"

    run(story())


@on_both_loops
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_trusted_certificate_is_accepted(run: Run, host: str) -> None:
    async def story() -> None:
        async with Peer(always(HELLO), tls=True) as peer, client() as transport:
            assert (await fetch(transport, Origin("https", host, peer.port)))[2] == b"hello"

    run(story())


@on_both_loops
def test_http_1_is_what_is_agreed_on(run: Run) -> None:
    async def handle(wire: Wire) -> None:
        await wire.request()
        agreed = wire.writer.get_extra_info("ssl_object").selected_alpn_protocol()
        await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n" + agreed.encode())

    async def story() -> None:
        context = tls.system_trust.__wrapped__()
        context.load_verify_locations(PEM)
        async with Peer(handle, tls=True) as peer:
            transport = HttpTransport(Egress(), ssl_context=context)
            assert (await fetch(transport, peer.origin))[2] == b"http/1.1"
            await transport.aclose()

    run(story())


@on_both_loops
def test_the_systems_trust_is_the_default(run: Run) -> None:
    async def story() -> None:
        async with Peer(always(HELLO), tls=True) as peer, client(trusting=False) as transport:
            error = await failure_of(ask(transport, peer.origin))
            assert (error.failure, error.sent) == (Failure.TLS, False)
            assert str(error).startswith("127.0.0.1: certificate not trusted: ")

    run(story())


def test_the_systems_trust_is_read_once() -> None:
    context = tls.system_trust()
    assert context is tls.system_trust()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_truststore_finds_what_openssl_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_openssl_trust", lambda: None)
    context = tls.system_trust.__wrapped__()
    assert type(context).__module__.startswith("truststore")
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@on_both_loops
@pytest.mark.parametrize(
    ("handler", "text"),
    [(always(HELLO), "TLS failed: "), (None, "connection closed during the TLS handshake")],
    ids=["plain http", "hangs up"],
)
def test_a_server_without_tls_is_a_tls_failure(run: Run, handler: Handler | None, text: str) -> None:
    async def garbage(wire: Wire) -> None:
        await wire.send(HELLO)
        await wire.gone()

    async def hang_up(wire: Wire) -> None:
        await wire.reader.read(1)

    async def story() -> None:
        async with Peer(garbage if handler else hang_up) as peer, client() as transport:
            error = await failure_of(ask(transport, Origin("https", "127.0.0.1", peer.port)))
            assert (error.failure, error.sent) == (Failure.TLS, False)
            assert str(error).startswith(f"127.0.0.1: {text}")

    run(story())


@on_both_loops
def test_the_limit_of_time_covers_the_handshake(run: Run) -> None:
    async def story() -> None:
        async with Peer(silence) as peer, client() as transport:
            origin = Origin("https", "127.0.0.1", peer.port)
            error = await failure_of(ask(transport, origin, connect_timeout=SOON))
            assert (error.failure, error.sent) == (Failure.CONNECT_TIMEOUT, False)

    run(story())
