"""Counting tokens: forwarded if a provider offers it, else estimated, and never held against a provider."""

from __future__ import annotations

import pytest

from fakes.async_test import async_test
from fakes.client import Answer
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, configured, running_proxy, with_timeouts
from fakes.scripts import json_answer, message
from fakes.steps import Cut, Raw, Script, Stall, Status

TARGET = "/v1/messages/count_tokens?beta=true"


async def count(proxy: RunningProxy, target: str = TARGET) -> Answer:
    return await proxy.post(target, stream=False)


@async_test
async def test_relays_the_providers_own_count() -> None:
    fake = FakeProvider(json_answer(200, {"input_tokens": 4711}))
    async with running_proxy(configured(fake, models={"opus": "kimi-k3"})) as proxy:
        answer = await count(proxy)
        assert (answer.status, await answer.json()) == (200, {"input_tokens": 4711})
        assert "x-claude-proxy-estimate" not in answer.headers
        assert answer.headers["x-claude-proxy-provider"] == "minimax"
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert account.kind == "count_tokens"
    assert (fake.requests[0].target, fake.requests[0].json()["model"]) == (TARGET, "kimi-k3")


@async_test
async def test_relays_a_count_to_a_body_that_asks_for_a_stream() -> None:
    fake = FakeProvider(json_answer(200, {"input_tokens": 12}))
    async with running_proxy(fake) as proxy:
        answer = await proxy.post(TARGET, stream=True)
        assert await answer.json() == {"input_tokens": 12}
        assert "x-claude-proxy-estimate" not in answer.headers


FAILURES = {
    "404": [Status(404)],
    "405": [Status(405)],
    "501": [Status(501)],
    "529": [Status(529)],
    "a reset": [Cut()],
    "silence": [Stall()],
    "HTML": [Status(200, b"<html></html>", {"content-type": "text/html"})],
    "a count that is none": json_answer(200, {"input_tokens": "many"}),
    "not HTTP": [Raw(b"nonsense\r\n\r\n")],
}


@pytest.mark.parametrize("script", FAILURES.values(), ids=FAILURES.keys())
@async_test
async def test_if_the_provider_fails_estimates_without_a_strike(script: Script) -> None:
    first = with_timeouts(FakeProvider(script, message("hello")), first_event=0.2, first_content=0.2)
    async with running_proxy(first) as proxy:
        answer = await count(proxy)
        assert (answer.status, answer.headers["x-claude-proxy-estimate"]) == (200, "1")
        assert 0 < (await answer.json())["input_tokens"] < 200
        report = (await proxy.status())["minimax"]
        assert (report["state"], report["strikes"]) == ("ready", 0)
        assert (await proxy.post()).status == 200


@async_test
async def test_asks_the_first_provider_that_counts() -> None:
    first, second = FakeProvider(message("first")), FakeProvider(json_answer(200, {"input_tokens": 12}))
    async with running_proxy(configured(first, counts_tokens=False), second) as proxy:
        answer = await count(proxy)
        assert await answer.json() == {"input_tokens": 12}
    assert first.requests == []


@async_test
async def test_estimates_if_no_provider_counts() -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(configured(fake, counts_tokens=False)) as proxy:
        assert (await count(proxy)).headers["x-claude-proxy-estimate"] == "1"
    assert fake.requests == []


@async_test
async def test_the_estimate_grows_with_the_prompt() -> None:
    async with running_proxy(FakeProvider([Status(404)])) as proxy:
        short = (await (await count(proxy)).json())["input_tokens"]
        longer = await proxy.post(TARGET, stream=False, system="word " * 1000)
        assert short + 500 < (await longer.json())["input_tokens"] < short + 4000


@async_test
async def test_asks_a_pinned_provider_to_count() -> None:
    first, second = FakeProvider(message("first")), FakeProvider(json_answer(200, {"input_tokens": 12}))
    async with running_proxy(first, second) as proxy:
        answer = await count(proxy, "/provider/moonshot" + TARGET)
        assert (await answer.json(), answer.headers["x-claude-proxy-provider"]) == ({"input_tokens": 12}, "moonshot")
    assert first.requests == []


@async_test
async def test_relays_an_error_about_the_request_to_count() -> None:
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"messages: field required"}}'
    async with running_proxy(FakeProvider([Status(400, body)])) as proxy:
        answer = await count(proxy)
        assert (answer.status, await answer.read()) == (400, body)
