"""The real Claude Code asks for a shorter answer, when a prompt fits but not together with `max_tokens`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, running_proxy
from fakes.scripts import answers
from fakes.server_connection import Request
from fakes.steps import Script, Status

WINDOW, PROMPT = 200_000, 188_240
ANTHROPIC = (
    "input length and `max_tokens` exceed context limit: {prompt} + {asked} > {window}, decrease input length or "
    "`max_tokens` and try again"
)
VLLM = (
    "'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length is {window} "
    "tokens and your request has {prompt} input tokens ({asked} > {window} - {prompt})."
)
SGLANG = (
    "Requested token count exceeds the model's maximum context length of {window} tokens. You requested a total of "
    "{total} tokens: {prompt} tokens from the input messages and {asked} tokens for the completion."
)


@pytest.mark.parametrize("words", [ANTHROPIC, VLLM, SGLANG], ids=["Anthropic", "vLLM", "SGLang"])
@async_test
async def test_lowers_max_tokens_and_goes_on(words: str, tmp_path: Path) -> None:
    asked = list[int]()

    def answer(request: Request) -> Script:
        number = request.json()["max_tokens"]
        asked.append(number)
        if PROMPT + number <= WINDOW:
            return answers("it fits now")(request)
        told = words.format(prompt=PROMPT, asked=number, window=WINDOW, total=PROMPT + number)
        error = {"type": "error", "error": {"type": "invalid_request_error", "message": told}}
        return [Status(400, json.dumps(error).encode())]

    claude = claude_code(tmp_path)
    async with running_proxy(FakeProvider(answer)) as proxy:
        finished = await claude.run(proxy.url, TOKEN, "say hi")
    assert (finished.code, finished.out) == (0, "it fits now"), finished
    assert len(asked) == 2
    assert asked[1] < asked[0]
