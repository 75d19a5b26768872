"""Connecting: name look-up, TCP, TLS and the egress proxy; and the error if one of them fails."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
from collections.abc import Iterator

import pytest

from claude_proxy.core.egress import Egress
from claude_proxy.core.types import Origin
from claude_proxy.net.upstream import HttpTransport, tcp, tls
from claude_proxy.proxy.ports import Failure
from fakes.async_test import on_both_loops
from fakes.server import PEM, FakeServer, Handler
from fakes.server_connection import ServerConnection
from net.upstream_client import FAR, always, ask, closed_port, failure_of, fetch, open_transport, silence

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
    """Let every name resolve to these addresses, or to none."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *_: int, flags: int = 0, **__: int) -> list[object]:
        if flags & socket.AI_NUMERICHOST:
            return list(real(host, port, type=socket.SOCK_STREAM, flags=flags))
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "nodename nor servname provided")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@on_both_loops
async def test_a_closed_port_is_refused() -> None:
    port = closed_port()
    async with open_transport() as transport:
        error = await failure_of(ask(transport, Origin("http", "127.0.0.1", port)))
        assert (error.failure, error.sent) == (Failure.REFUSED, False)
        assert str(error) == f"127.0.0.1:{port}: connection refused"


@on_both_loops
async def test_localhost_is_reached_whatever_address_family_listens() -> None:
    async with FakeServer(always(HELLO)) as server, open_transport() as transport:
        assert (await fetch(transport, Origin("http", "localhost", server.port)))[2] == b"hello"


@on_both_loops
async def test_an_address_without_a_route_is_unreachable() -> None:
    async with open_transport() as transport:
        # a link-local address without the link: no system sends anything for it
        error = await failure_of(ask(transport, Origin("http", "fe80::1", 80)))
        assert (error.failure, error.sent) == (Failure.UNREACHABLE, False)
        assert str(error).startswith("[fe80::1]:80: ")


@on_both_loops
async def test_an_unknown_name_is_a_dns_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch)

    async with open_transport() as transport:
        error = await failure_of(ask(transport, FAR))
        assert (error.failure, error.sent, str(error)) == (Failure.DNS, False, "provider.test: name not found")


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..test"])
@on_both_loops
async def test_an_impossible_name_is_a_dns_failure(host: str) -> None:
    async with open_transport() as transport:
        assert (await failure_of(ask(transport, Origin("https", host, 443)))).failure is Failure.DNS


@on_both_loops
async def test_the_addresses_of_a_name_are_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeServer(always(HELLO)) as server, open_transport() as transport:
        resolve_to(monkeypatch, ("127.0.0.1", closed_port()), ("127.0.0.1", server.port))
        assert (await fetch(transport, Origin("http", "provider.test", 80)))[2] == b"hello"


@on_both_loops
async def test_a_refused_connection_is_reported_before_a_missing_route(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve_to(monkeypatch, ("127.0.0.1", closed_port()), ("255.255.255.255", 80))

    async with open_transport() as transport:
        error = await failure_of(ask(transport, Origin("http", "provider.test", 80)))
        assert (error.failure, str(error)) == (Failure.REFUSED, "provider.test:80: connection refused")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is silent when the queue of a port is full")
@on_both_loops
async def test_a_silent_address_is_given_up_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "FALLBACK_AFTER", SOON)

    async with FakeServer(always(HELLO)) as server, open_transport() as transport:
        with full_server() as silent:
            resolve_to(monkeypatch, ("127.0.0.1", silent), ("127.0.0.1", server.port))
            assert (await fetch(transport, Origin("http", "provider.test", 80)))[2] == b"hello"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is silent when the queue of a port is full")
@on_both_loops
async def test_silence_at_the_port_is_a_connect_timeout() -> None:
    with full_server() as port:
        async with open_transport() as transport:
            origin = Origin("http", "127.0.0.1", port)
            error = await failure_of(ask(transport, origin, connect_timeout=SOON))
            assert (error.failure, error.sent) == (Failure.CONNECT_TIMEOUT, False)
            assert str(error) == f"127.0.0.1:{port}: no connection within 0.05 s"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@on_both_loops
async def test_a_trusted_certificate_is_accepted(host: str) -> None:
    async with FakeServer(always(HELLO), tls=True) as server, open_transport() as transport:
        assert (await fetch(transport, Origin("https", host, server.port)))[2] == b"hello"


@on_both_loops
async def test_http_1_is_negotiated() -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        agreed = connection.writer.get_extra_info("ssl_object").selected_alpn_protocol()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n" + agreed.encode())

    context = tls.system_trust.__wrapped__()
    context.load_verify_locations(PEM)
    async with FakeServer(handle, tls=True) as server:
        transport = HttpTransport(Egress(), ssl_context=context)
        assert (await fetch(transport, server.origin))[2] == b"http/1.1"
        await transport.aclose()


@on_both_loops
async def test_the_systems_trust_is_the_default() -> None:
    async with FakeServer(always(HELLO), tls=True) as server, open_transport(trusting=False) as transport:
        error = await failure_of(ask(transport, server.origin))
        assert (error.failure, error.sent) == (Failure.TLS, False)
        assert str(error).startswith("127.0.0.1: certificate not trusted: ")


@on_both_loops
async def test_a_file_of_the_users_own_is_trusted_beside_the_system() -> None:
    async with FakeServer(always(HELLO), tls=True) as server:
        for path, trusted in ((str(PEM), True), ("/nowhere/ca.pem", False)):
            transport = HttpTransport(Egress(ca_files=(("NODE_EXTRA_CA_CERTS", path),)))
            if trusted:
                assert (await fetch(transport, server.origin))[2] == b"hello"
            else:
                assert (await failure_of(ask(transport, server.origin))).failure is Failure.TLS
            await transport.aclose()


def test_the_systems_own_certificates_stay_trusted() -> None:
    alone = tls.system_trust.__wrapped__().cert_store_stats()["x509"]
    assert tls.system_trust.__wrapped__(str(PEM)).cert_store_stats()["x509"] == alone + 1


def test_the_systems_trust_is_read_once() -> None:
    context = tls.system_trust()
    assert context is tls.system_trust()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_truststore_finds_what_openssl_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_openssl_trust", lambda: None)
    context = tls.system_trust.__wrapped__(str(PEM))
    assert type(context).__module__.startswith("truststore")
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    ("handler", "text"),
    [(always(HELLO), "TLS failed: "), (None, "connection closed during the TLS handshake")],
    ids=["plain http", "hangs up"],
)
@on_both_loops
async def test_a_server_without_tls_is_a_tls_failure(handler: Handler | None, text: str) -> None:
    async def garbage(connection: ServerConnection) -> None:
        await connection.send(HELLO)
        await connection.wait_until_left()

    async def hang_up(connection: ServerConnection) -> None:
        await connection.reader.read(1)

    async with FakeServer(garbage if handler else hang_up) as server, open_transport() as transport:
        error = await failure_of(ask(transport, Origin("https", "127.0.0.1", server.port)))
        assert (error.failure, error.sent) == (Failure.TLS, False)
        assert str(error).startswith(f"127.0.0.1: {text}")


@on_both_loops
async def test_the_time_limit_covers_the_handshake() -> None:
    async with FakeServer(silence) as server, open_transport() as transport:
        origin = Origin("https", "127.0.0.1", server.port)
        error = await failure_of(ask(transport, origin, connect_timeout=SOON))
        assert (error.failure, error.sent) == (Failure.CONNECT_TIMEOUT, False)
