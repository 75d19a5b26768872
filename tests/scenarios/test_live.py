"""What the proxy tells of its requests while they run, and of failovers behind them."""

from __future__ import annotations

import asyncio
from typing import Any

from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, running_proxy
from fakes.scripts import MESSAGE_STOP, block_stop, message, message_delta, opening
from fakes.steps import Script, Stall, Status, Wait
from fakes.stream_checks import complete_text

SENT = {"x-claude-code-session-id": "a-session", "x-claude-code-request-class": "subagent"}


async def live(proxy: RunningProxy) -> Any:
    return await (await proxy.ask("GET", "/admin/live")).json()


@async_test
async def test_a_request_is_told_from_its_beginning_to_its_end() -> None:
    clock, begin, go_on = FakeClock(), asyncio.Event(), asyncio.Event()
    script: Script = [Wait(begin), *opening("half an answer"), Wait(go_on), block_stop(), message_delta(), MESSAGE_STOP]
    busy, answering = FakeProvider([Status(529)]), FakeProvider(script)
    async with running_proxy(busy, answering, clock=clock) as proxy, asyncio.TaskGroup() as group:
        assert (await live(proxy))["requests"] == []
        asked = group.create_task(proxy.post(headers=SENT))
        await answering.wait_for_requests()
        clock.pass_time(3)
        report = await live(proxy)
        [waiting] = report["requests"]
        assert (report["in_flight"], waiting["session"], waiting["request_class"]) == (1, "a-session", "subagent")
        assert (waiting["provider"], waiting["silent_seconds"], waiting["seconds"]) == ("moonshot", 3.0, 3.0)
        assert (waiting["first_byte_ms"], waiting["output_tokens"], waiting["tokens_per_second"]) == (None, 0, None)
        [failed] = waiting["attempts"]
        assert (failed["provider"], failed["outcome"], failed["why"]) == ("minimax", "529", "overloaded")
        assert report["failovers"] == []
        begin.set()
        answer = await asked
        clock.pass_time(2)
        [answers] = (await live(proxy))["requests"]
        assert (answers["number"], answers["first_byte_ms"]) == (waiting["number"], 3000.0)
        assert answers["output_tokens"] > 0
        assert answers["tokens_per_second"] == answers["output_tokens"] / 2
        assert [attempt["outcome"] for attempt in answers["attempts"]] == ["529", "200"]
        go_on.set()
        assert await complete_text(answer) == "half an answer"
        await proxy.ledger.wait_for_accounts(1)
        report = await live(proxy)
        assert (report["in_flight"], report["requests"]) == (0, [])
        [failover] = report["failovers"]
        assert (failover["provider"], failover["ending"], failover["at"]) == ("moonshot", "complete", clock.now - 5)
        assert [provider["name"] for provider in report["providers"]] == ["minimax", "moonshot"]


@async_test
async def test_a_client_that_leaves_is_told_no_more() -> None:
    provider = FakeProvider([Stall()])
    async with running_proxy(provider) as proxy, asyncio.TaskGroup() as group:
        connection = await proxy.connect()
        asked = group.create_task(proxy.post(connection=connection))
        await provider.wait_for_requests()
        assert len((await live(proxy))["requests"]) == 1
        asked.cancel()
        connection.hang_up()
        await proxy.ledger.wait_for_accounts(1)
        assert (await live(proxy))["requests"] == []


@async_test
async def test_a_count_of_tokens_is_told_too() -> None:
    gate = asyncio.Event()
    provider = FakeProvider([Wait(gate), Status(200, b'{"input_tokens": 5}')])
    async with running_proxy(provider) as proxy, asyncio.TaskGroup() as group:
        group.create_task(proxy.post("/v1/messages/count_tokens"))
        await provider.wait_for_requests()
        [count] = (await live(proxy))["requests"]
        assert (count["kind"], count["provider"]) == ("count_tokens", "minimax")
        gate.set()


@async_test
async def test_a_failover_tells_a_reason_and_not_the_words_of_the_provider() -> None:
    quoting = FakeProvider([Status(429, b'{"error": {"message": "no more for sk-a-key, which asked: say hi"}}')])
    async with running_proxy(quoting, FakeProvider(message("hello"))) as proxy:
        assert await complete_text(await proxy.post()) == "hello"
        await proxy.ledger.wait_for_accounts(1)
        failovers = str((await live(proxy))["failovers"])
    assert "too many requests" in failovers
    assert "sk-a-key" not in failovers
    assert "say hi" not in failovers


@async_test
async def test_it_needs_the_token_and_is_not_below_a_provider() -> None:
    async with running_proxy(FakeProvider()) as proxy:
        assert (await proxy.ask("GET", "/admin/live", headers={"Authorization": ""})).status == 401
        assert (await proxy.ask("GET", "/provider/minimax/admin/live")).status == 404
