"""Two providers with the same address and different keys: what the upstream is known for is shared, health is not."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from claude_proxy.core.provenance import digest_of
from claude_proxy.core.types import Policy
from claude_proxy.store.home import Home
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, make_config, make_provider, started_proxy
from fakes.scripts import MESSAGE_STOP, message, message_delta, message_start, thinking_then_text
from fakes.server_connection import Request
from fakes.steps import Script, Status, Stream, Text
from fakes.stream_checks import complete_text

FIRST, SECOND = "minimax", "minimax-2"
OF_FIRST, OF_SECOND = f"/provider/{FIRST}/v1/messages", f"/provider/{SECOND}/v1/messages"
NO_SYSTEM = "messages[1].role: unknown variant `system`, expected `user` or `assistant`"
SYSTEM = [{"role": "user", "content": "hi"}, {"role": "system", "content": "environment"}]


def conversation(*signatures: str) -> list[dict[str, Any]]:
    """Return a conversation whose second message holds thinking with these signatures."""
    thinking = [{"type": "thinking", "thinking": "hm", "signature": signature} for signature in signatures]
    return [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [*thinking, {"type": "text", "text": "hello"}]},
        {"role": "user", "content": "go on"},
    ]


def error(status: int, kind: str, text: str) -> Script:
    return [Status(status, json.dumps({"type": "error", "error": {"type": kind, "message": text}}).encode())]


def rejecting_the_first_key(script: Script) -> Callable[[Request], Script]:
    """Answer the first key with a script and the second one with a message."""

    def answer(request: Request) -> Script:
        return script if request.header("authorization") == f"Bearer key-of-{FIRST}" else message("hello")

    return answer


@asynccontextmanager
async def two_keys(fake: FakeProvider, home: Home | None = None, **policy: Any) -> AsyncIterator[RunningProxy]:
    """Start the proxy with two providers that differ in name and key."""
    async with fake:
        config = make_config(
            [make_provider(name, fake.url, counts_tokens=False) for name in (FIRST, SECOND)], Policy(**policy)
        )
        async with started_proxy(config, home=home) as proxy:
            yield proxy


async def estimate(proxy: RunningProxy, name: str, messages: list[dict[str, Any]]) -> int:
    answer = await proxy.post(f"/provider/{name}/v1/messages/count_tokens", messages=messages)
    assert answer.headers["x-claude-proxy-estimate"] == "1"
    tokens: int = (await answer.json())["input_tokens"]
    return tokens


def signatures_in(request: Request) -> list[str]:
    _, answer, _ = request.json()["messages"]
    return [block["signature"] for block in answer["content"] if block["type"] == "thinking"]


@async_test
async def test_each_gets_thinking_of_the_other_and_none_of_other_upstreams() -> None:
    fake = FakeProvider(thinking_then_text("hm", "hello"), message("again"), message("and again"))
    async with two_keys(fake) as proxy:
        others = proxy.proxy.upstream_names().upstream("https://another.example")
        proxy.proxy._gateway.memory.signature_owners.note(digest_of("Zm9yZWlnbg=="), others, 0.0)
        await complete_text(await proxy.post(OF_FIRST))
        for path in (OF_SECOND, OF_FIRST):
            await complete_text(await proxy.post(path, messages=conversation("c2lnbmVk", "Zm9yZWlnbg==")))
    assert [signatures_in(request) for request in fake.requests[1:]] == [["c2lnbmVk"], ["c2lnbmVk"]]


@async_test
async def test_a_rule_that_one_taught_is_applied_for_the_other() -> None:
    fake = FakeProvider(error(400, "invalid_request_error", NO_SYSTEM), message("hello"), message("again"))
    async with two_keys(fake) as proxy:
        first = await proxy.post(OF_FIRST, messages=SYSTEM)
        assert first.headers["x-claude-proxy-attempts"] == f"{FIRST}=400, {FIRST}=200"
        await complete_text(first)
        second = await proxy.post(OF_SECOND, messages=SYSTEM)
        assert second.headers["x-claude-proxy-attempts"] == f"{SECOND}=200"
        assert second.headers["x-claude-proxy-adapted"] == "role:system"
        await complete_text(second)
        rules = (await (await proxy.ask("GET", "/admin/rules")).json())["rules"]
        assert [rule["providers"] for rule in rules] == [[FIRST, SECOND]]


@async_test
async def test_bytes_a_token_that_one_reported_are_known_for_the_other() -> None:
    script: Script = [Stream(), message_start(input_tokens=20_000), Text("hello", 1), message_delta(), MESSAGE_STOP]
    messages = [{"role": "user", "content": "x" * 40_000}]
    async with two_keys(FakeProvider(script)) as proxy:
        before = [await estimate(proxy, name, messages) for name in (FIRST, SECOND)]
        await complete_text(await proxy.post(OF_FIRST, messages=messages))
        await proxy.ledger.wait_for_accounts(3)
        after = [await estimate(proxy, name, messages) for name in (FIRST, SECOND)]
    assert before[0] == before[1] < 10_100
    assert after[0] == after[1] > 11_000


@async_test
async def test_a_rate_limit_of_one_key_leaves_the_other_ready() -> None:
    script = error(429, "rate_limit_error", "slow down")
    async with two_keys(FakeProvider(rejecting_the_first_key(script))) as proxy:
        answer = await proxy.post()
        assert answer.headers["x-claude-proxy-attempts"] == f"{FIRST}=429, {SECOND}=200"
        await complete_text(answer)
        report = await proxy.status()
        assert [report[name]["state"] for name in (FIRST, SECOND)] == ["cooldown", "ready"]
        again = await proxy.post()
        assert again.headers["x-claude-proxy-attempts"] == f"{SECOND}=200"
        await complete_text(again)


@async_test
async def test_a_rejected_key_leaves_the_other_ready() -> None:
    script = error(401, "authentication_error", "invalid x-api-key")
    async with two_keys(FakeProvider(rejecting_the_first_key(script)), failover_on_auth=True) as proxy:
        answer = await proxy.post()
        assert answer.headers["x-claude-proxy-attempts"] == f"{FIRST}=401, {SECOND}=200"
        await complete_text(answer)
        report = await proxy.status()
        assert [report[name]["key_rejected"] for name in (FIRST, SECOND)] == [True, False]
        assert report[SECOND]["state"] == "ready"


@async_test
async def test_a_start_takes_up_what_an_earlier_version_kept_by_name(tmp_path: Path) -> None:
    home, now = Home(tmp_path), time.time()
    home.prepare()
    home.config.write_text("{}", encoding="utf-8")
    rule = {"kind": "field", "name": "top_k"}
    lesson = {
        "provider": FIRST,
        "model": "claude-opus-5-5",
        "rule": rule,
        "at": now,
        "expires": now + 99,
        "message": "",
    }
    tables = {
        "origins": [[digest_of("c2lnbmVk"), FIRST, now], [digest_of("Zm9yZWlnbg=="), "removed", now]],
        "lessons": [lesson],
        "tokens": [[[FIRST, "claude-opus-5-5"], 2.0]],
    }
    home.memory.write_text(json.dumps({"format": 1, "tables": tables}), encoding="utf-8")
    fake = FakeProvider(message("hello"))
    messages = conversation("c2lnbmVk", "Zm9yZWlnbg==")
    async with two_keys(fake, home) as proxy:
        answer = await proxy.post(OF_SECOND, messages=messages, top_k=4)
        assert answer.headers["x-claude-proxy-adapted"] == "field:top_k, thinking:foreign"
        await complete_text(answer)
        long = [{"role": "user", "content": "x" * 40_000}]
        assert await estimate(proxy, SECOND, long) > 20_000
    assert signatures_in(fake.requests[0]) == ["c2lnbmVk"]
