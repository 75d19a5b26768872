"""A request asks for more tokens than fit: the prompt, the answer, or both together are too long."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import answers, message
from fakes.server_connection import Request
from fakes.steps import Script, Status
from fakes.stream_checks import complete_text

SHORTER = (
    "input length and `max_tokens` exceed context limit: 188240 + 32000 > 200000, decrease input length or "
    "`max_tokens` and try again"
)
VLLM = (
    "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 32768 tokens "
    "and your request has 17459 input tokens (32000 > 32768 - 17459)."
)


def error(words: str, status: int = 400) -> Script:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
    return [Status(status, json.dumps(body).encode())]


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@async_test
async def test_anthropics_own_error_is_relayed_byte_for_byte_so_that_the_client_asks_for_less(streamed: bool) -> None:
    second = FakeProvider(message("second"))
    [refusal] = error(SHORTER)
    async with running_proxy(FakeProvider([refusal]), second) as proxy:
        answer = await proxy.post(stream=streamed, max_tokens=32000)
        assert isinstance(refusal, Status)
        assert (answer.status, await answer.read()) == (400, refusal.body)
        assert (await proxy.status())["minimax"]["strikes"] == 0
    assert second.requests == []


@async_test
async def test_in_other_words_the_next_provider_answers() -> None:
    async with running_proxy(FakeProvider(error(VLLM)), FakeProvider(message("second"))) as proxy:
        answer = await proxy.post(max_tokens=32000)
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=too_long, moonshot=200"
        assert await complete_text(answer) == "second"
        assert (await proxy.status())["minimax"]["strikes"] == 0


@async_test
async def test_if_no_provider_is_left_the_client_gets_anthropics_sentence_with_the_numbers() -> None:
    async with running_proxy(FakeProvider(error(VLLM))) as proxy:
        answer = await proxy.post(max_tokens=32000)
        told = (await answer.json())["error"]
    assert answer.status == 400
    assert told == {
        "type": "invalid_request_error",
        "message": SHORTER.replace("188240 + 32000 > 200000", "17459 + 32000 > 32768"),
    }


def writes_at_most(limit: int, words: str, asked: list[int]) -> Any:
    """Answer as a model that writes no more than that; any other `max_tokens` is refused in these words."""

    def answer(request: Request) -> Script:
        body = request.json()
        asked.append(body["max_tokens"])
        return error(words.format(body["max_tokens"])) if body["max_tokens"] > limit else answers()(request)

    return answer


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (64000, "max_tokens: {} > 64000, which is the maximum allowed number of output tokens for claude-x-4"),
        (8192, "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"),
        (65536, "supported range is from 1 (inclusive) to 65537 (exclusive), but maxOutputTokens is {}"),
        (4096, "max_tokens is too large: {}. This model supports at most 4096 completion tokens."),
    ],
)
@async_test
async def test_a_models_largest_answer_is_learned_and_asked_for_at_once(limit: int, words: str) -> None:
    asked = list[int]()
    async with running_proxy(FakeProvider(writes_at_most(limit, words, asked)), FakeProvider(message("no"))) as proxy:
        first = await proxy.post(max_tokens=128000)
        assert first.headers["x-claude-proxy-attempts"] == "minimax=400, minimax=200"
        assert await complete_text(first) == "hello"
        second = await proxy.post(max_tokens=128000)
        assert second.headers["x-claude-proxy-attempts"] == "minimax=200"
        assert second.headers["x-claude-proxy-adapted"] == "max_tokens"
        await complete_text(second)
        await complete_text(await proxy.post(max_tokens=300))
        assert await complete_text(await proxy.post(model="claude-haiku-5-5", max_tokens=128000)) == "hello"
        assert (await proxy.status())["minimax"]["strikes"] == 0
    assert asked == [128000, limit, limit, 300, 128000, limit]


@pytest.mark.parametrize(
    "words",
    [
        "max_tokens: {} > 5, which is the maximum allowed number of output tokens",
        "Requests with max_tokens > 4096 must have stream=true",
        "`max_tokens` must be greater than `thinking.budget_tokens`",
        "max_tokens: {} is too large",
    ],
)
@async_test
async def test_an_error_that_names_no_largest_answer_is_relayed(words: str) -> None:
    asked = list[int]()
    async with running_proxy(FakeProvider(writes_at_most(1, words, asked))) as proxy:
        answer = await proxy.post(max_tokens=128000)
        assert (answer.status, "max_tokens" in (await answer.read()).decode()) == (400, True)
    assert asked == [128000]
