"""A body over the limit is refused before it is read, and reaches no provider."""

from __future__ import annotations

import contextlib
import json

import pytest

from fakes.async_test import async_test
from fakes.client import BrokenError, Connection
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, TOKEN, RunningProxy, running_proxy
from fakes.scripts import message
from fakes.stream_checks import complete_text

LIMIT = 4096


def head(proxy: RunningProxy, framing: str) -> bytes:
    return (
        f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1:{proxy.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\n{framing}\r\n\r\n"
    ).encode()


@async_test
async def test_refuses_a_body_by_its_declared_length() -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake, max_body_bytes=LIMIT) as proxy:
        connection = await proxy.connect()
        await connection.send(head(proxy, f"Content-Length: {LIMIT + 1}"))
        answer = await connection.answer()
        assert (answer.status, (await answer.json())["error"]["type"]) == (413, "request_too_large")
    assert fake.requests == []


@async_test
async def test_the_user_learns_whose_limit_it_is_in_the_answer_the_log_and_the_state() -> None:
    session = "\r\nX-Claude-Code-Session-Id: a"
    async with running_proxy(FakeProvider(message("hello")), max_body_bytes=LIMIT) as proxy:
        connection = await proxy.connect()
        await connection.send(head(proxy, f"Content-Length: {LIMIT + 1}{session}"))
        error = (await (await connection.answer()).json())["error"]["message"]
        report = await (await proxy.ask("GET", "/admin/status")).json()
        line = await (await proxy.ask("GET", "/admin/statusline?session=a")).json()
        assert "the proxy's own limit. Raise max_body_mb in config.json, such as to 32" in error
        assert (report["too_large"]["limit"], report["too_large"]["count"]) == (LIMIT, 1)
        assert "raise max_body_mb in config.json" in line[0][0]
        assert "Raise max_body_mb" in await proxy.ledger.note_with("the proxy's own limit")


@async_test
async def test_refuses_a_body_of_undeclared_length_at_the_limit() -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake, max_body_bytes=LIMIT) as proxy:
        connection = await proxy.connect()
        await connection.send(head(proxy, "Transfer-Encoding: chunked"))
        for _ in range(LIMIT // 1024 + 1):
            await connection.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
        answer = await connection.answer()
        assert (answer.status, (await answer.json())["error"]["type"]) == (413, "request_too_large")
    assert fake.requests == []


@async_test
async def test_a_client_that_goes_on_sending_still_gets_the_error() -> None:
    """A client that reads only when it has sent everything must not be cut off before it reads why."""
    async with running_proxy(FakeProvider(message("hello")), max_body_bytes=LIMIT) as proxy:
        connection = await proxy.connect()
        await connection.send(head(proxy, f"Content-Length: {2000 * 4096}"))
        for _ in range(2000):
            await connection.send(b"x" * 4096)
        assert (await connection.answer()).status == 413


async def send_for_ever(connection: Connection) -> None:
    for _ in range(5000):
        await connection.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")


@async_test
async def test_cuts_off_a_client_that_never_stops_sending() -> None:
    async with running_proxy(FakeProvider(message("hello")), max_body_bytes=LIMIT) as proxy:
        connection = await proxy.connect()
        await connection.send(head(proxy, "Transfer-Encoding: chunked"))
        with pytest.raises(ConnectionError):
            await send_for_ever(connection)


@async_test
async def test_accepts_a_body_of_exactly_the_limit() -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake, max_body_bytes=LIMIT) as proxy:
        body = json.dumps({**PROMPT, "stream": True}).encode()
        body += b" " * (LIMIT - len(body))
        connection = await proxy.connect()
        await connection.send(head(proxy, "Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        assert await complete_text(await connection.answer()) == "hello"
    assert fake.requests[0].body == body


@async_test
async def test_an_upload_that_breaks_off_reaches_no_provider() -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake, max_body_bytes=LIMIT) as proxy:
        connection = await proxy.connect()
        await connection.send(head(proxy, "Transfer-Encoding: chunked") + b"zz\r\n")
        with contextlib.suppress(BrokenError):  # closing it is as good
            assert (await connection.answer()).status == 400
    assert fake.requests == []
