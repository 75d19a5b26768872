"""Limits for clients: a head without an end, a request that does not arrive, a switch to another protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from unittest import mock

import pytest

from claude_proxy.net.client_connection import CHECKS, MAX_HEAD_BYTES, ClientConnection
from fakes.async_test import async_test
from fakes.client import Connection
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, TOKEN, RunningProxy, running_proxy
from fakes.scripts import MESSAGE_STOP, block_stop, message, message_delta, opening
from fakes.steps import Stall, Wait
from fakes.stream_checks import complete_text

BODY = json.dumps({**PROMPT, "stream": True}).encode()
START = b"POST /v1/messages HTTP/1.1\r\n"
FIELDS = f"Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n".encode()
SIZED = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
BODY_IN_CHUNKS = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
PROMPT_SENT = START + FIELDS + SIZED + b"\r\n" + BODY

SOON = 0.03
"""The patience of a proxy whose patience is tried."""


async def check_refused(connection: Connection, status: int) -> None:
    """See an error in Anthropic's form, and the end of the connection."""
    answer = await connection.answer()
    error = await answer.json()
    assert (answer.status, error["type"], error["error"]["type"]) == (status, "error", "invalid_request_error")
    assert await connection.read_to_end() == b""


def up_to(size: int, start: bytes, filling: bytes) -> bytes:
    return (start + filling * size)[:size]


ENDLESS = {
    "headers": (START + FIELDS, b"A: b\r\n"),
    "a value": (START + FIELDS + b"A: ", b"b"),
    "a name": (START + FIELDS, b"a"),
    "a path": (b"POST /", b"a"),
    "blank lines": (b"", b"\r\n"),
}
ENDLESS_BEHIND_THE_HEAD = {
    "trailers": (BODY_IN_CHUNKS, b"A: b\r\n"),
    "a trailer": (BODY_IN_CHUNKS + b"A: ", b"b"),
    "a chunk's extension": (b"1;", b"a"),
}
WITH_AN_END = START + FIELDS + SIZED + up_to(MAX_HEAD_BYTES, b"A: ", b"b") + b"\r\n\r\n" + BODY


async def send_in_pieces(connection: Connection, data: bytes) -> None:
    for at in range(0, len(data), 1000):
        await connection.send(data[at : at + 1000])


@pytest.mark.parametrize(("start", "filling"), ENDLESS.values(), ids=ENDLESS.keys())
@async_test
async def test_a_head_over_the_limit_is_431(start: bytes, filling: bytes) -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        connection = await proxy.connect()
        await send_in_pieces(connection, up_to(MAX_HEAD_BYTES + 1, start, filling))
        await check_refused(connection, 431)


@pytest.mark.parametrize(("start", "filling"), ENDLESS_BEHIND_THE_HEAD.values(), ids=ENDLESS_BEHIND_THE_HEAD.keys())
@async_test
async def test_framing_of_a_body_over_the_limit_is_431(start: bytes, filling: bytes) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        connection = await proxy.connect()
        await connection.send(START + FIELDS + CHUNKED + b"\r\n" + start)
        assert (await proxy.ask("GET", "/health")).status == 200  # by now this has been read
        await send_in_pieces(connection, up_to(MAX_HEAD_BYTES + 1, b"", filling))
        await check_refused(connection, 431)
    assert fake.requests == []


@async_test
async def test_a_head_over_the_limit_that_comes_at_once_is_431() -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        connection = await proxy.connect()
        await connection.send(WITH_AN_END)
        await check_refused(connection, 431)
    assert fake.requests == []


@async_test
async def test_each_request_of_a_connection_has_its_own_limit() -> None:
    fitting = START + FIELDS + SIZED + up_to(MAX_HEAD_BYTES * 2 // 3, b"A: ", b"b") + b"\r\n\r\n" + BODY
    async with running_proxy(FakeProvider(message("one"), message("two"))) as proxy:
        connection = await proxy.connect()
        for text in ("one", "two"):
            await connection.send(fitting)
            assert await complete_text(await connection.answer()) == text
        await connection.send(up_to(MAX_HEAD_BYTES + 1, START, b"A: b\r\n"))
        await check_refused(connection, 431)


@async_test
async def test_heads_of_requests_without_a_body_do_not_add_up() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        connection = await proxy.connect()
        for _ in range(3):
            headers = {"X-Filling": "x" * (MAX_HEAD_BYTES // 2)}
            answer = await proxy.ask("GET", "/health", headers=headers, connection=connection)
            assert (answer.status, (await answer.json())["status"]) == (200, "ok")


@async_test
async def test_a_body_may_be_larger_than_a_head() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        answer = await proxy.post(system="x" * 4 * MAX_HEAD_BYTES)
        assert await complete_text(answer) == "hello"


@async_test
async def test_trailers_are_not_taken_for_headers() -> None:
    unnamed = FIELDS.replace(TOKEN.encode(), b"nobody's")
    trailers = b"X-Api-Key: %b\r\nX-Evil: 1\r\n\r\n" % TOKEN.encode()
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        connection = await proxy.connect()
        await connection.send(START + FIELDS + CHUNKED + b"\r\n" + BODY_IN_CHUNKS + trailers)
        assert await complete_text(await connection.answer()) == "hello"
        assert fake.requests[0].header("x-evil") is None
        for fields in (unnamed + CHUNKED + b"\r\n" + BODY_IN_CHUNKS + trailers, unnamed + SIZED + b"\r\n" + BODY):
            await connection.send(START + fields)
            answer = await connection.answer()
            await answer.read()
            assert answer.status == 401
            connection = await proxy.connect() if answer.headers.get("connection") == "close" else connection
    assert len(fake.requests) == 1


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"


@pytest.mark.parametrize("framed", [SIZED + b"\r\n" + BODY, CHUNKED + b"\r\n" + BODY_IN_CHUNKS + b"\r\n"])
@pytest.mark.parametrize("step", [1, 100, 100_000])
@async_test
async def test_a_request_for_another_protocol_is_answered_in_http_1(framed: bytes, step: int) -> None:
    fake = FakeProvider(message("one"), message("two"))
    sent = START + FIELDS + UPGRADE + framed
    async with running_proxy(fake) as proxy:
        connection = await proxy.connect()
        for text in ("one", "two"):
            for at in range(0, len(sent), step):
                await connection.send(sent[at : at + step])
            assert await complete_text(await connection.answer()) == text
    assert [request.json()["messages"] for request in fake.requests] == [PROMPT["messages"]] * 2
    assert {request.header("upgrade") for request in fake.requests} == {None}


@async_test
async def test_the_body_of_an_upgrade_is_not_read_as_a_request() -> None:
    inner = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        connection = await proxy.connect()
        await connection.send(START + FIELDS + UPGRADE + b"Content-Length: %d\r\n\r\n" % len(inner) + inner)
        answer = await connection.answer()
        assert (answer.status, (await answer.json())["type"]) == (400, "error")
        connection.hang_up()


@async_test
async def test_a_web_socket_request_is_answered_as_an_ordinary_one() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        headers = {"Connection": "keep-alive, Upgrade", "Upgrade": "websocket"}
        answer = await proxy.ask("GET", "/health", headers=headers)
        assert (await answer.json())["service"] == "claude-proxy"


@async_test
async def test_connect_is_refused() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        connection = await proxy.connect()
        await connection.send(b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n")
        await check_refused(connection, 400)


@async_test
async def test_an_invalid_request_behind_another_one_is_refused_after_the_answer() -> None:
    gate = asyncio.Event()
    fake = FakeProvider([*opening("hello"), Wait(gate), block_stop(), message_delta(), MESSAGE_STOP])
    async with running_proxy(fake) as proxy:
        connection = await proxy.connect()
        await connection.send(PROMPT_SENT)
        answer = await connection.answer()
        await connection.send(b"\0nonsense\r\n\r\n")
        assert (await proxy.ask("GET", "/health")).status == 200  # by now the nonsense has come
        gate.set()
        assert await complete_text(answer) == "hello"
        await check_refused(connection, 400)


@async_test
async def test_a_client_that_leaves_after_two_requests_is_noticed() -> None:
    fake = FakeProvider([*opening(), Stall()])
    async with running_proxy(fake) as proxy:
        connection = await proxy.connect()
        await connection.send(PROMPT_SENT)
        await anext((await connection.answer()).chunks())
        await connection.send(PROMPT_SENT)
        assert (await proxy.ask("GET", "/health")).status == 200  # by now the second request has come as well
        connection.hang_up()
        await fake.wait_for_hang_ups()
    assert len(fake.requests) == 1


async def check_forgotten(proxy: RunningProxy) -> None:
    """Open a connection for nothing, and see it closed without a word."""
    assert await (await proxy.connect()).read_to_end() == b""


def remember(made: list[ClientConnection]) -> Callable[[ClientConnection, asyncio.BaseTransport], None]:
    """Return a `connection_made` that collects the connections."""
    real = ClientConnection.connection_made

    def connection_made(connection: ClientConnection, transport: asyncio.BaseTransport) -> None:
        made.append(connection)
        real(connection, transport)

    return connection_made


@pytest.fixture
def with_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the proxy wait for its clients but for a moment."""
    monkeypatch.setattr(ClientConnection, "patience", SOON)


@pytest.mark.usefixtures("with_timeouts")
@async_test
async def test_a_connection_without_a_request_is_closed() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        await check_forgotten(proxy)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"P", id="a byte"),
        pytest.param(START + FIELDS, id="half a head"),
        pytest.param(START + FIELDS + SIZED + b"\r\n", id="a head"),
        pytest.param(PROMPT_SENT[:-5], id="half a body"),
        pytest.param(START + FIELDS + CHUNKED + b"\r\n" + BODY_IN_CHUNKS, id="half a trailer"),
    ],
)
@pytest.mark.usefixtures("with_timeouts")
@async_test
async def test_a_request_without_an_end_is_408(sent: bytes) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        connection = await proxy.connect()
        await connection.send(sent)
        await check_refused(connection, 408)
    assert fake.requests == []


@async_test
async def test_a_head_has_the_full_time_whenever_it_begins() -> None:
    made = list[ClientConnection]()
    with (
        mock.patch.object(ClientConnection, "patience", 1e6),
        mock.patch.object(ClientConnection, "connection_made", side_effect=remember(made), autospec=True),
    ):
        async with running_proxy(FakeProvider(message("hello"))) as proxy:
            connection = await proxy.connect()
            await connection.send(START)
            assert (await proxy.ask("GET", "/health")).status == 200  # by now the head has begun
            for _ in range(CHECKS):
                made[0]._check()
            await connection.send(FIELDS)
            assert (await proxy.ask("GET", "/health")).status == 200
            assert not made[0].transport.is_closing()
            made[0]._check()
            await check_refused(connection, 408)


@pytest.mark.usefixtures("with_timeouts")
@async_test
async def test_an_answer_may_take_longer_than_the_patience() -> None:
    gate = asyncio.Event()
    script = [*opening("hel"), Wait(gate), block_stop(), message_delta(), MESSAGE_STOP]
    async with running_proxy(FakeProvider(script)) as proxy:
        answer = await proxy.post()
        for _ in range(3):
            await check_forgotten(proxy)
        gate.set()
        assert await complete_text(answer) == "hel"


@pytest.mark.usefixtures("with_timeouts")
@async_test
async def test_a_kept_connection_may_be_idle_longer_than_the_patience() -> None:
    async with running_proxy(FakeProvider(message("one"), message("two"))) as proxy:
        connection = await proxy.connect()
        assert await complete_text(await proxy.post(connection=connection)) == "one"
        for _ in range(3):
            await check_forgotten(proxy)
        await connection.send(PROMPT_SENT)
        assert await complete_text(await connection.answer()) == "two"
