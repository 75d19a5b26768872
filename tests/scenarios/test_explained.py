"""`GET /admin/explain`: what would happen to a request now, as the running proxy knows it."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, running_proxy
from fakes.scripts import answers, message
from fakes.steps import Status
from fakes.stream_checks import complete_text


async def explained(proxy: RunningProxy, query: str = "model=opus") -> Any:
    return await (await proxy.ask("GET", f"/admin/explain?{query}")).json()


@async_test
async def test_explain_names_the_provider_that_then_answers() -> None:
    clock = FakeClock()
    first, second = FakeProvider([Status(529)], message("first")), FakeProvider(answers("second"))
    session = {"x-claude-code-session-id": "5f0c"}
    async with running_proxy(first, second, clock=clock) as proxy:
        assert (await explained(proxy))["candidates"][0]["provider"] == "minimax"
        assert await complete_text(await proxy.post(model="opus", headers=session)) == "second"
        resting = (await explained(proxy))["candidates"]
        assert [one["provider"] for one in resting] == ["moonshot", "minimax"]
        assert (resting[1]["cooldown_until"], resting[1]["cooldown_reason"]) == (clock.now + 15, "overloaded")
        clock.pass_time(15)
        assert (await explained(proxy))["candidates"][0]["provider"] == "minimax"
        held = (await explained(proxy, "model=opus&session=5f0c"))["candidates"][0]
        assert held["provider"] == "moonshot"
        assert await complete_text(await proxy.post(model="opus", headers=session)) == "second"
        assert await complete_text(await proxy.post(model="opus")) == "first"


@async_test
async def test_explain_sends_nothing_and_takes_no_permit() -> None:
    clock = FakeClock()
    first, second = FakeProvider([Status(529)], message("first")), FakeProvider(answers("second"))
    async with running_proxy(first, second, clock=clock) as proxy:
        assert await complete_text(await proxy.post()) == "second"
        clock.pass_time(15)
        for _ in range(3):
            assert "this request would try it" in str(await explained(proxy))
        assert (len(first.requests), len(second.requests)) == (1, 1)
        assert await complete_text(await proxy.post()) == "first"


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/admin/explain", 400, "not a question: Object missing required field `model`"),
        ("/admin/explain?model=opus&tokens=-1", 400, "`tokens` a number from 0"),
        ("/provider/minimax/admin/explain?model=opus", 404, "belongs to the proxy, not to one of its providers"),
    ],
)
@async_test
async def test_explain_rejects_a_malformed_query(target: str, status: int, words: str) -> None:
    async with running_proxy(FakeProvider(answers())) as proxy:
        answer = await proxy.ask("GET", target)
        assert answer.status == status
        assert words in (await answer.json())["error"]["message"]


@async_test
async def test_explain_needs_the_token() -> None:
    async with running_proxy(FakeProvider(answers())) as proxy:
        answer = await proxy.ask("GET", "/admin/explain?model=opus", headers={"Authorization": ""})
        assert answer.status == 401
