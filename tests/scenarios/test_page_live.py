"""The page's stream of events: it tells what changes, and ends with its session, its browser or the proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from claude_proxy.net.page import live
from claude_proxy.net.page.access import SESSION_SECONDS
from claude_proxy.net.page.live import MAX_STREAMS, event
from fakes.async_test import async_test
from fakes.client import Answer, Connection
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, running_proxy
from fakes.scripts import MESSAGE_STOP, block_stop, message_delta, opening
from fakes.server import PATIENCE
from fakes.steps import Script, Wait
from scenarios.test_page_access import browse, cookie


async def follow(proxy: RunningProxy, given: str, connection: Connection | None = None) -> Answer:
    fields = {"Authorization": "", "Cookie": given, "Sec-Fetch-Site": "same-origin"}
    answer = await proxy.ask("GET", "/page/live", headers=fields, connection=connection)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    return answer


async def events(answer: Answer) -> AsyncGenerator[tuple[str, str], None]:
    """Yield the name and the data of each event; comments are left out."""
    text = ""
    async for chunk in answer.chunks():
        *blocks, text = (text + chunk.decode()).split("\n\n")
        for block in blocks:
            name, *lines = block.split("\n")
            if name.startswith("event: "):
                yield name.removeprefix("event: "), "\n".join(line.removeprefix("data: ") for line in lines)
    assert not text


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY", 0.02)


@async_test
async def test_what_happens_is_told_when_it_changes() -> None:
    go_on = asyncio.Event()
    script: Script = [*opening("half an answer"), Wait(go_on), block_stop(), message_delta(), MESSAGE_STOP]
    async with running_proxy(FakeProvider(script)) as proxy, asyncio.timeout(PATIENCE):
        told = events(await follow(proxy, await cookie(proxy)))
        name, first = await anext(told)
        assert name == "now"
        assert "<b>0</b> in flight" in first
        answer = await proxy.post()
        while "opus-5-5" not in (await anext(told))[1]:
            pass
        go_on.set()
        await answer.read()
        while "opus-5-5" in (await anext(told))[1]:
            pass
        await told.aclose()


@async_test
async def test_while_nothing_changes_comments_show_that_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "QUIET", 3)
    async with running_proxy(FakeProvider(), clock=FakeClock()) as proxy:
        answer = await follow(proxy, await cookie(proxy))
        pieces = answer.chunks()
        assert (await anext(pieces)).startswith(b"event: now\n")
        assert await anext(pieces) == b": still here\n\n"
        assert await anext(pieces) == b": still here\n\n"


@async_test
async def test_it_ends_with_its_session_and_says_so() -> None:
    clock = FakeClock()
    async with running_proxy(FakeProvider(), clock=clock) as proxy:
        answer = await follow(proxy, await cookie(proxy))
        told = events(answer)
        await anext(told)
        clock.pass_time(SESSION_SECONDS)
        assert [name async for name, _ in told][-1] == "ended"


@async_test
async def test_it_ends_when_the_proxy_stops_and_does_not_hold_that_up() -> None:
    async with running_proxy(FakeProvider()) as proxy, asyncio.timeout(PATIENCE):
        answer = await follow(proxy, await cookie(proxy))
        told = events(answer)
        await anext(told)
        await proxy.proxy.stop()
        assert "ended" not in [name async for name, _ in told]


@async_test
async def test_there_are_only_so_many_and_one_that_has_left_makes_room() -> None:
    async with running_proxy(FakeProvider()) as proxy, asyncio.timeout(PATIENCE):
        given = await cookie(proxy)
        connections = [await proxy.connect() for _ in range(MAX_STREAMS)]
        for connection in connections:
            await follow(proxy, given, connection)
        refused = await browse(proxy, "/page/live", given)
        assert refused.status == 529
        connections[0].hang_up()
        while (again := await browse(proxy, "/page/live", given)).status != 200:
            await again.read()
        assert (await browse(proxy, "/page", given)).status == 200


@async_test
async def test_a_request_with_a_body_gets_no_stream() -> None:
    async with running_proxy(FakeProvider()) as proxy:
        fields = {"Authorization": "", "Cookie": await cookie(proxy)}
        assert (await proxy.ask("GET", "/page/live", b"{}", headers=fields)).status == 400


def test_an_event_has_a_line_of_data_for_each_line_of_its_text() -> None:
    assert event("now", "a\nb\r\nc\rd") == b"event: now\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
