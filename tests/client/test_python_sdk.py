"""The official Python SDK through the proxy: streamed or not, sync and async."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import MODEL, TOKEN, configured, running_proxy
from fakes.scripts import answers, error_event, json_answer, opening
from fakes.server_connection import Request
from fakes.steps import Cut, Script, Status

PROMPT: dict[str, Any] = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "say hi"}]}


def client(url: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=url, auth_token=TOKEN, api_key=None, max_retries=0, timeout=20.0)


@pytest.mark.parametrize("first", [[Status(529)], error_event(), [Cut()]], ids=["529", "error event", "reset"])
@async_test
async def test_streams_though_the_first_provider_fails(first: Script) -> None:
    async with (
        running_proxy(FakeProvider(first), FakeProvider(answers("hello"))) as proxy,
        client(proxy.url) as sdk,
        sdk.messages.stream(**PROMPT) as stream,
    ):
        text = "".join([piece async for piece in stream.text_stream])
        final = await stream.get_final_message()
    assert (text, final.stop_reason, final.usage.output_tokens) == ("hello", "end_turn", 7)


@pytest.mark.parametrize("first", [[Status(529)], [Cut()]], ids=["529", "reset"])
@async_test
async def test_gets_a_whole_message_though_the_first_provider_fails(first: Script) -> None:
    async with running_proxy(FakeProvider(first), FakeProvider(answers("hello"))) as proxy, client(proxy.url) as sdk:
        message = await sdk.messages.create(**PROMPT)
    assert message.content[0].text == "hello"


@async_test
async def test_the_sync_client_streams_and_gets_a_whole_message() -> None:
    def talk(url: str) -> tuple[str, str]:
        with anthropic.Anthropic(base_url=url, api_key=TOKEN, max_retries=0, timeout=20.0) as sdk:
            with sdk.messages.stream(**PROMPT) as stream:
                streamed = stream.get_final_text()
            return streamed, sdk.messages.create(**PROMPT).content[0].text

    async with running_proxy(FakeProvider(answers("hello"))) as proxy:
        assert await asyncio.to_thread(talk, proxy.url) == ("hello", "hello")


@async_test
async def test_counts_tokens_and_lists_models() -> None:
    def answer(request: Request) -> Script:
        assert request.target.startswith("/v1/messages/count_tokens")
        return json_answer(200, {"input_tokens": 4711})

    provider = configured(FakeProvider(answer), own_models=("m3",))
    async with running_proxy(provider) as proxy, client(proxy.url) as sdk:
        count = await sdk.messages.count_tokens(model=MODEL, messages=PROMPT["messages"])
        models = [model.id async for model in sdk.models.list()]
    assert count.input_tokens == 4711
    assert "claude-proxy/minimax/m3" in models


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (413, "ContentTooLargeError"),
    ],
)
@async_test
async def test_a_providers_error_becomes_the_sdks_exception(status: int, error: str) -> None:
    async with running_proxy(FakeProvider([Status(status)])) as proxy, client(proxy.url) as sdk:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await sdk.messages.create(**PROMPT)
    assert (type(caught.value).__name__, caught.value.status_code) == (error, status)
    assert caught.value.request_id == "req_fake"


@pytest.mark.parametrize(
    ("status", "told", "error"),
    [
        (429, 429, "RateLimitError"),
        (500, 503, "ServiceUnavailableError"),
        (529, 503, "ServiceUnavailableError"),
    ],
)
@async_test
async def test_what_no_provider_could_do_becomes_the_sdks_exception(status: int, told: int, error: str) -> None:
    async with running_proxy(FakeProvider([Status(status)])) as proxy, client(proxy.url) as sdk:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await sdk.messages.create(**PROMPT)
    assert (type(caught.value).__name__, caught.value.status_code) == (error, told)
    assert f"scripted {status}" in str(caught.value.body)


@async_test
async def test_a_stream_that_dies_raises_an_error() -> None:
    async with running_proxy(FakeProvider([*opening("half"), Cut()])) as proxy, client(proxy.url) as sdk:
        with pytest.raises(anthropic.APIStatusError) as caught:
            async with sdk.messages.stream(**PROMPT) as stream:
                await stream.until_done()
    assert "overloaded_error" in str(caught.value.body)
