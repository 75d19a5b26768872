"""A provider with too small a window is skipped. If the request fits into none, the client is told, and compacts."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from claude_proxy.core.traits import ModelFacts
from fakes.async_test import async_test
from fakes.client import Answer
from fakes.provider import FakeProvider
from fakes.proxy import MODEL, ConfiguredProvider, RunningProxy, configured, running_proxy
from fakes.scripts import answers, message, message_delta, message_start
from fakes.steps import Script, Status, Stream, Text
from fakes.stream_checks import complete_text

LONG = "word " * 2000
"""10,000 bytes: 2500 tokens at four bytes each."""

PICTURE = {
    "type": "image",
    "source": {
        "type": "base64",
        "media_type": "image/png",
        "data": base64.b64encode(b"\x7e\xff\x01" * 40_000).decode(),
    },
}


def windowed(fake: FakeProvider, context: int | None) -> ConfiguredProvider:
    return configured(fake, facts={MODEL: ModelFacts(context=context)})


async def error_of(answer: Answer) -> Mapping[str, Any]:
    assert answer.status == 400
    error: Mapping[str, Any] = (await answer.json())["error"]
    return error


@async_test
async def test_skips_a_window_that_is_too_small() -> None:
    first, second = FakeProvider(answers("first")), FakeProvider(answers("second"))
    async with running_proxy(windowed(first, 2000), windowed(second, 4000)) as proxy:
        assert await complete_text(await proxy.post()) == "first"
        answer = await proxy.post(system=LONG)
        assert await complete_text(answer) == "second"
        assert answer.headers["x-claude-proxy-attempts"] == "moonshot=200"


@async_test
async def test_if_it_fits_into_none_the_client_gets_the_apis_own_error() -> None:
    fakes = FakeProvider(answers()), FakeProvider(answers())
    async with running_proxy(windowed(fakes[0], 1000), windowed(fakes[1], 2000)) as proxy:
        error = await error_of(await proxy.post(system=LONG))
        assert error == {"type": "invalid_request_error", "message": "prompt is too long: 2532 tokens > 2000 maximum"}
        [account] = await proxy.ledger.wait_for_accounts(1)
        assert (account.status, account.attempts) == (400, ())
    assert [fake.requests for fake in fakes] == [[], []]


@async_test
async def test_does_not_ask_a_pinned_provider_in_vain() -> None:
    first, second = FakeProvider(answers("first")), FakeProvider(answers("second"))
    async with running_proxy(windowed(first, 1000), windowed(second, 4000)) as proxy:
        error = await error_of(await proxy.post("/provider/minimax/v1/messages", system=LONG))
        assert error["message"] == "prompt is too long: 2532 tokens > 1000 maximum"


@async_test
async def test_if_the_large_window_is_away_for_hours_the_client_is_told_to_shorten_the_prompt() -> None:
    first, second = FakeProvider([Status(429, headers={"retry-after": "7200"})]), FakeProvider(answers("second"))
    async with running_proxy(windowed(first, 4000), windowed(second, 2000)) as proxy:
        answer = await proxy.post(system=LONG)
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=429"
        assert "x-claude-proxy-provider" not in answer.headers
        assert "retry-after" not in answer.headers
        assert (await error_of(answer))["message"] == "prompt is too long: 2532 tokens > 2000 maximum"
        assert await complete_text(await proxy.post()) == "second"


@async_test
async def test_if_the_large_window_is_back_soon_the_client_is_told_to_ask_again() -> None:
    first, second = FakeProvider([Status(529)]), FakeProvider(answers("second"))
    async with running_proxy(windowed(first, 4000), windowed(second, 2000)) as proxy:
        answer = await proxy.post(system=LONG)
        assert (answer.status, answer.headers["retry-after"]) == (503, "15")


@async_test
async def test_asks_a_provider_whose_window_is_not_known() -> None:
    async with running_proxy(windowed(FakeProvider(answers("first")), None)) as proxy:
        assert await complete_text(await proxy.post(system=LONG)) == "first"


@async_test
async def test_does_not_measure_a_picture_by_its_base64() -> None:
    async with running_proxy(windowed(FakeProvider(answers("first")), 2000)) as proxy:
        assert await complete_text(await proxy.post(messages=[{"role": "user", "content": [PICTURE]}])) == "first"


@async_test
async def test_a_skipped_provider_is_not_asked_even_if_the_others_fail() -> None:
    first, second = FakeProvider(answers("first")), FakeProvider([Status(529)])
    async with running_proxy(windowed(first, 2000), windowed(second, 4000)) as proxy:
        assert (await proxy.post(system=LONG)).status == 503
    assert first.requests == []


# The estimate follows what each provider reports


def counting(tokens: int) -> Script:
    """Answer, and report so many tokens."""
    return [Stream(), message_start(tokens), Text("counted"), message_delta()]


async def estimate(proxy: RunningProxy, text: str) -> int:
    answer = await proxy.post("/v1/messages/count_tokens", stream=False, system=text)
    assert answer.headers["x-claude-proxy-estimate"] == "1"
    count: int = (await answer.json())["input_tokens"]
    return count


@async_test
async def test_reported_usage_corrects_the_estimate() -> None:
    first = configured(FakeProvider(counting(5000)), counts_tokens=False, facts={MODEL: ModelFacts(context=4000)})
    second = FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        assert 2500 < await estimate(proxy, LONG) < 2600
        for _ in range(8):
            assert await complete_text(await proxy.post(system=LONG)) in ("counted", "second")
        assert 4000 < await estimate(proxy, LONG) < 5100
        assert await complete_text(await proxy.post(system=LONG)) == "second"


@async_test
async def test_still_asks_a_provider_that_reports_nonsense() -> None:
    first = configured(
        FakeProvider(counting(10**9), counting(0), counting(10**9)), facts={MODEL: ModelFacts(context=3000)}
    )
    async with running_proxy(first, FakeProvider(message("second"))) as proxy:
        for _ in range(5):
            assert await complete_text(await proxy.post(system=LONG)) == "counted"
