"""A provider cannot be reached, or breaks off: the next one answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import GENEROUS, configured, running_proxy, with_timeouts
from fakes.scripts import answers, message
from fakes.server import FakeServer
from fakes.server_connection import ServerConnection
from fakes.steps import Close, Cut, Head, Raw, RefuseToRead, Script, Status, Step, Wait
from fakes.stream_checks import complete_text


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """Hold a port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_a_refused_connection_fails_over(stream: bool) -> None:
    with deaf_port() as port:
        second = FakeProvider(answers("hello"))
        async with running_proxy(configured(f"http://127.0.0.1:{port}"), second) as proxy:
            answer = await proxy.post(stream=stream)
            assert answer.status == 200
            assert answer.headers["x-claude-proxy-attempts"] == "minimax=refused, moonshot=200"
            await answer.read()
            assert (await proxy.status())["minimax"]["state"] == "cooldown"


@async_test
async def test_a_name_that_does_not_resolve_fails_over() -> None:
    async with running_proxy(configured("http://provider.invalid:8080"), FakeProvider(message("hello"))) as proxy:
        answer = await proxy.post()
        assert await complete_text(answer) == "hello"
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=dns, moonshot=200"


def repeating(answer: bytes) -> FakeServer:
    """Return a server that sends the same bytes after whatever it gets."""

    async def repeat(connection: ServerConnection) -> None:
        while await connection.reader.read(1000):
            await connection.send(answer)

    return FakeServer(repeat)


@async_test
async def test_a_failed_tls_handshake_fails_over() -> None:
    async with repeating(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        first = configured(f"https://127.0.0.1:{server.port}")
        async with running_proxy(first, FakeProvider(message("hello"))) as proxy:
            answer = await proxy.post()
            assert await complete_text(answer) == "hello"
            assert answer.headers["x-claude-proxy-attempts"] == "minimax=tls, moonshot=200"


@async_test
async def test_a_handshake_that_never_ends_fails_over() -> None:
    async with repeating(b"") as server:
        first = configured(f"https://127.0.0.1:{server.port}", timeouts=replace(GENEROUS, connect=0.1))
        async with running_proxy(first, FakeProvider(message("hello"))) as proxy:
            answer = await proxy.post()
            assert await complete_text(answer) == "hello"
            assert answer.headers["x-claude-proxy-attempts"] == "minimax=connect_timeout, moonshot=200"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([Cut()], id="reset after the request"),
        pytest.param([Close()], id="closed after the request"),
        pytest.param([RefuseToRead(), Cut()], id="reset before the request was read"),
        pytest.param([Raw(b"HTTP/1.1 20"), Cut()], id="reset within the status line"),
        pytest.param([Raw(b"HTTP/1.1 100 Continue\r\n\r\n"), Close()], id="closed after a 100"),
        pytest.param([Head(200, {"content-type": "text/event-stream"}), Cut()], id="reset after the head"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_a_connection_that_breaks_fails_over(script: Script, stream: bool) -> None:
    first, second = FakeProvider(script), FakeProvider(answers("hello"))
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post(stream=stream)
        assert answer.status == 200
        await answer.read()
        assert answer.headers["x-claude-proxy-provider"] == "moonshot"
        assert (await proxy.status())["minimax"]["state"] == "cooldown"


@async_test
async def test_a_provider_that_does_not_read_the_request_fails_over() -> None:
    gate = asyncio.Event()
    first = with_timeouts(FakeProvider([RefuseToRead(), Wait(gate), Cut()]), first_event=0.2)
    async with running_proxy(first, FakeProvider(answers("hello"))) as proxy:
        long_prompt = [{"role": "user", "content": "x" * 8_000_000}]
        answer = await proxy.post(messages=long_prompt)
        assert await complete_text(answer) == "hello"
        gate.set()


@async_test
async def test_replaces_a_kept_connection_that_died_without_a_strike() -> None:
    first = FakeProvider([*message("one"), Close()], message("two"))
    async with running_proxy(first) as proxy:
        assert await complete_text(await proxy.post()) == "one"
        await first.wait_until_disconnected()
        answer = await proxy.post()
        assert await complete_text(answer) == "two"
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=200"


@async_test
async def test_reads_an_answer_that_comes_before_the_request_was_read() -> None:
    gate = asyncio.Event()
    first = FakeProvider([RefuseToRead(), Status(413), Wait(gate), Cut()])
    async with running_proxy(first, FakeProvider(answers("hello"))) as proxy:
        answer = await proxy.post(messages=[{"role": "user", "content": "x" * 8_000_000}])
        assert (answer.status, answer.headers["x-claude-proxy-provider"]) == (413, "minimax")
        gate.set()


@pytest.mark.parametrize("end", [Close(), Cut()], ids=["closed", "reset"])
@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_replaces_a_kept_connection_that_dies_under_the_next_request_once(end: Step, stream: bool) -> None:
    first = FakeProvider(answers("one"), [end], answers("two"))
    async with running_proxy(first) as proxy:
        await (await proxy.post(stream=stream)).read()
        answer = await proxy.post(stream=stream)
        assert (answer.status, answer.headers["x-claude-proxy-attempts"]) == (200, "minimax=200")
        await answer.read()
    assert [request.connection for request in first.requests] == [0, 0, 1]


@async_test
async def test_does_not_replace_a_fresh_connection_that_dies() -> None:
    first, second = FakeProvider([Close()]), FakeProvider(message("hello"))
    async with running_proxy(first, second) as proxy:
        assert await complete_text(await proxy.post()) == "hello"
    assert len(first.requests) == 1


@async_test
async def test_a_healthy_connection_serves_one_request_after_the_other() -> None:
    first = FakeProvider(answers("hello"))
    async with running_proxy(first) as proxy:
        for stream in (True, False, True):
            await (await proxy.post(stream=stream)).read()
    assert [request.connection for request in first.requests] == [0, 0, 0]
