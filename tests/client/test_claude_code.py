"""The real Claude Code finishes its prompt through the proxy, whatever its first provider does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import NAMES, TOKEN, running_proxy, with_timeouts
from fakes.scripts import answers, error_event, message, message_start, opening, tool_use
from fakes.steps import Cut, Event, Script, Stall, Status, Stream, error_body

TROUBLES: dict[str, list[Script]] = {
    "answer with errors": [
        [Status(429, headers={"retry-after": "600"})],
        [Status(529)],
        error_event("overloaded_error"),
    ],
    "hang, before and after the head": [[Stall()], [Stream(), Stall()]],
    "break off, and answer in HTML": [
        [Stream(), message_start(), Cut()],
        [Cut()],
        [Status(200, b"<html></html>", {"content-type": "text/html"})],
    ],
}


@pytest.mark.parametrize("scripts", TROUBLES.values(), ids=TROUBLES.keys())
@async_test
async def test_finishes_though_all_providers_but_the_last_fail(scripts: list[Script], tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    troubled, last = [FakeProvider(script) for script in scripts], FakeProvider(answers("hello from the last"))
    failing = [with_timeouts(provider, first_event=0.5, first_content=0.5) for provider in troubled]
    async with running_proxy(*failing, last, ping_after=0.2) as proxy:
        finished = await claude.run(proxy.url, TOKEN, "say hi")
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert (finished.code, finished.out) == (0, "hello from the last"), finished
    assert [attempt.provider for attempt in account.attempts] == list(NAMES[: len(scripts) + 1])
    assert account.session
    [request] = last.requests
    assert [len(provider.requests) for provider in troubled] == [1] * len(scripts)
    assert (request.header("user-agent") or "").startswith("claude-cli/")
    assert request.header("x-claude-code-session-id") is None


@pytest.mark.parametrize(
    "death",
    [pytest.param([Cut()], id="reset"), pytest.param([Stall()], id="stalled"), pytest.param([], id="ended")],
)
@async_test
async def test_asks_again_and_finishes_when_a_stream_dies(death: Script, tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    first = FakeProvider([*opening("half a sen"), *death])
    second = FakeProvider(answers("a whole sentence"))
    async with running_proxy(with_timeouts(first, stall=0.5), second, continue_answers=False) as proxy:
        finished = await claude.run(proxy.url, TOKEN, "say hi")
    assert (finished.code, finished.out) == (0, "a whole sentence"), finished
    assert (len(first.requests), len(second.requests)) == (1, 1)


@async_test
async def test_a_tool_result_reaches_the_provider(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    command = {"command": "echo harmless-$((40+2))", "description": "Say something harmless"}
    first = FakeProvider([Status(529)])
    second = FakeProvider(tool_use("Bash", command), message("the tool said so"))
    async with running_proxy(first, second) as proxy:
        finished = await claude.run(proxy.url, TOKEN, "run it", "--allowedTools", "Bash")
    assert (finished.code, finished.out) == (0, "the tool said so"), finished
    results = [
        block["content"]
        for turn in second.requests[1].json()["messages"]
        for block in turn["content"]
        if isinstance(block, dict) and block["type"] == "tool_result"
    ]
    assert results == ["harmless-42"]


@async_test
async def test_a_pinned_base_url_is_served_by_its_provider_alone(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    first, second = FakeProvider(answers("first")), FakeProvider(answers("second"))
    async with running_proxy(first, second) as proxy:
        finished = await claude.run(f"{proxy.url}/provider/moonshot", TOKEN, "say hi")
    assert (finished.code, finished.out) == (0, "second"), finished
    assert first.requests == []


@async_test
async def test_a_rejected_key_is_not_retried(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    first = FakeProvider([Status(403, error_body("permission_error", "this key may not"))])
    async with running_proxy(first) as proxy:
        finished = await claude.run(proxy.url, TOKEN, "say hi")
    assert finished.code != 0
    assert "this key may not" in finished.out + finished.err
    assert len(first.requests) == 1


@async_test
async def test_shows_the_last_providers_error_when_all_fail(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    words = error_body("rate_limit_error", "your plan is used up until Monday")
    first = FakeProvider([Status(429, words, {"retry-after": "600"})])
    async with running_proxy(first) as proxy:
        finished = await claude.run(proxy.url, TOKEN, "say hi")
    assert finished.code != 0
    assert "your plan is used up until Monday" in finished.out + finished.err
    assert len(first.requests) == 1


@pytest.mark.parametrize("ping_after", [10.0, 0.0], ids=["at once", "after a ping"])
@async_test
async def test_understands_that_a_prompt_is_too_long(ping_after: float, tmp_path: Path) -> None:
    """A pinged client gets the error as an event. It asks again without streaming and gets the API's form."""
    claude = claude_code(tmp_path)
    words = "This model's maximum context length is 200000 tokens. However, you requested 300000 tokens"
    body = error_body("BadRequestError", words)
    late: Script = [Stream(), Event("error", json.loads(body))]
    provider = FakeProvider(lambda request: late if request.json().get("stream") else [Status(400, body)])
    async with running_proxy(provider, ping_after=ping_after) as proxy:
        finished = await claude.run(proxy.url, TOKEN, "say hi")
    assert finished.code != 0
    assert "Prompt is too long" in finished.out
    assert "~300000 tokens (limit 200000)" in finished.out
