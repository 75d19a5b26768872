"""Counting tokens: forwarded if a provider offers it, else estimated, and never held against a provider."""

from __future__ import annotations

import pytest

from fakes.async_test import async_test
from fakes.client import Answer
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, configured, running_proxy, with_timeouts
from fakes.scripts import json_answer, message
from fakes.steps import Cut, Raw, Script, Stall, Status, error_body

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


def refusal(words: str, kind: str = "invalid_request_error") -> bytes:
    return error_body(kind, words)


REFUSED = {
    "max_tokens is missing": (400, refusal("max_tokens: Field required")),
    "a stream is wanted": (400, refusal("stream: must be true")),
    "no such endpoint": (400, refusal("unknown url")),
    "what it does not offer": (400, refusal("messages.0.content.0: this type is not supported")),
    "a code of its own": (400, b'{"code": 1214, "msg": "messages"}'),
    "an unknown model": (400, refusal("model: not found")),
    "plain text": (400, b"messages: bad"),
    "a refused key": (401, refusal("invalid x-api-key", "authentication_error")),
    "no credit": (402, refusal("no credit", "billing_error")),
    "forbidden": (403, refusal("count_tokens is not allowed for this key", "permission_error")),
    "a page": (403, b"<html></html>"),
    "method": (405, b""),
    "conflict": (409, refusal("busy", "conflict_error")),
    "gone": (410, refusal("gone", "not_found_error")),
    "too large": (413, refusal("too large", "request_too_large")),
    "media type": (415, refusal("messages: media type")),
    "FastAPI": (422, b'{"detail":[{"loc":["body","max_tokens"],"msg":"Field required"}]}'),
    "about messages, but not a 400": (422, refusal("messages: Field required")),
    "teapot": (418, refusal("messages: teapot")),
    "too many": (429, refusal("slow down", "rate_limit_error")),
    "an error behind a 200": (200, refusal("messages: Field required")),
}


@pytest.mark.parametrize("pinned", ["", "/provider/minimax"], ids=["", "pinned"])
@pytest.mark.parametrize(("status", "body"), REFUSED.values(), ids=REFUSED.keys())
@async_test
async def test_whatever_a_provider_says_of_counting_it_is_estimated_without_a_strike(
    status: int, body: bytes, pinned: str
) -> None:
    async with running_proxy(FakeProvider([Status(status, body)])) as proxy:
        answer = await count(proxy, pinned + TARGET)
        assert (answer.status, answer.headers["x-claude-proxy-estimate"]) == (200, "1")
        assert (await answer.json())["input_tokens"] > 0
        report = (await proxy.status())["minimax"]
    assert (report["state"], report["strikes"]) == ("ready", 0)


@pytest.mark.parametrize(
    "words", ["messages.0.role: Input should be 'user' or 'assistant'", "tools.0.name: String should match pattern 'x'"]
)
@async_test
async def test_a_request_that_is_wrong_in_itself_is_refused(words: str) -> None:
    async with running_proxy(FakeProvider([Status(400, refusal(words))])) as proxy:
        answer = await count(proxy)
        assert (answer.status, await answer.read()) == (400, refusal(words))


@async_test
async def test_relays_an_error_about_the_request_to_count() -> None:
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"messages: field required"}}'
    async with running_proxy(FakeProvider([Status(400, body)])) as proxy:
        answer = await count(proxy)
        assert (answer.status, await answer.read()) == (400, body)
