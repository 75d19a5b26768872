"""What a provider refuses and can do without is left out in a second request, and in all requests from then on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from claude_proxy.core.auth import Auth
from claude_proxy.core.learning.refused_fields import FIELDS
from claude_proxy.core.provenance import digest_of
from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, configured, running_proxy
from fakes.scripts import answers, json_answer, message, stream_error
from fakes.server_connection import Request
from fakes.steps import Script, Status, Stream
from fakes.stream_checks import complete_text

SYSTEM = [{"role": "user", "content": "hi"}, {"role": "system", "content": "environment"}]
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "bm90IG1pbmU="}
FOREIGN = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": [THOUGHT, {"type": "text", "text": "hello"}]},
    {"role": "user", "content": "go on"},
]
NO_ROLE = "messages[1].role: unknown variant `system`, expected `user` or `assistant`"
EXTRA = "Extra inputs are not permitted"


def error(text: str, status: int = 400) -> Script:
    return [Status(status, json.dumps({"error": {"type": "invalid_request_error", "message": text}}).encode())]


def refusing(wrong: Callable[[dict[str, Any]], str]) -> Callable[[Request], Script]:
    """Answer what has nothing wrong with it; else refuse it with that text."""

    def answer(request: Request) -> Script:
        text = wrong(request.json())
        return error(text) if text else answers()(request)

    return answer


def no_system_role(body: dict[str, Any]) -> str:
    return NO_ROLE if any(one["role"] == "system" for one in body["messages"]) else ""


def learned(proxy: RunningProxy) -> list[str]:
    memory = proxy.proxy._gateway.memory
    reports = memory.learned_rules.report(proxy.proxy.upstream_names(), 0.0)
    return sorted(f"{', '.join(one.providers)}/{one.learned.model} {one.learned.rule}" for one in reports)


@async_test
async def test_a_refused_request_is_retried_at_once_and_adapted_from_then_on() -> None:
    async with running_proxy(fake := FakeProvider(refusing(no_system_role))) as proxy:
        first = await proxy.post(messages=SYSTEM)
        assert first.headers["x-claude-proxy-attempts"] == "minimax=400, minimax=200"
        assert first.headers["x-claude-proxy-adapted"] == "role:system"
        assert await complete_text(first) == "hello"
        second = await proxy.post(messages=SYSTEM)
        assert second.headers["x-claude-proxy-attempts"] == "minimax=200"
        assert second.headers["x-claude-proxy-adapted"] == "role:system"
        await complete_text(second)
        assert learned(proxy) == ["minimax/claude-opus-5-5 role:system"]
        report = (await proxy.status())["minimax"]
        assert (report["state"], report["strikes"]) == ("ready", 0)
    assert len(fake.requests) == 3
    assert fake.requests[1].body == fake.requests[2].body
    assert "environment" in fake.requests[2].body.decode()


@async_test
async def test_a_rule_holds_for_its_provider_and_model_and_until_it_expires() -> None:
    clock = FakeClock()
    fake, other = FakeProvider(refusing(no_system_role)), FakeProvider(answers())
    async with running_proxy(fake, other, clock=clock) as proxy:
        await complete_text(await proxy.post(messages=SYSTEM))
        assert (await proxy.post("/provider/moonshot/v1/messages", messages=SYSTEM, stream=False)).status == 200
        again = await proxy.post(model="claude-haiku-5-5", messages=SYSTEM)
        assert again.headers["x-claude-proxy-attempts"] == "minimax=400, minimax=200"
        await complete_text(again)
        clock.now += 31 * 86400
        after = await proxy.post(messages=SYSTEM)
        assert after.headers["x-claude-proxy-attempts"] == "minimax=400, minimax=200"
        await complete_text(after)
    assert other.requests[0].json()["messages"] == SYSTEM


@async_test
async def test_thinking_of_an_unknown_maker_is_left_out_for_a_provider_that_refused_it() -> None:
    def wrong(body: dict[str, Any]) -> str:
        return "messages.1.content.0: Invalid `signature` in `thinking` block" if "bm90" in json.dumps(body) else ""

    async with running_proxy(fake := FakeProvider(refusing(wrong))) as proxy:
        await complete_text(await proxy.post(messages=FOREIGN))
        assert learned(proxy) == ["minimax/claude-opus-5-5 thinking:unknown"]
    assert len(fake.requests) == 2


@async_test
async def test_a_providers_own_thinking_that_it_refuses_is_left_out_of_this_request_alone() -> None:
    def wrong(body: dict[str, Any]) -> str:
        bound = "Invalid `signature` in `thinking` block. The block is bound to a different conversation."
        return bound if "bm90" in json.dumps(body) else ""

    async with running_proxy(fake := FakeProvider(refusing(wrong))) as proxy:
        for _ in range(2):
            answer = await proxy.post(messages=FOREIGN)
            assert answer.headers["x-claude-proxy-attempts"] == "minimax=400, minimax=200"
            await complete_text(answer)
        assert learned(proxy) == []
    assert len(fake.requests) == 4


@async_test
async def test_a_conversation_with_two_kinds_of_refused_thinking_is_refused_only_once() -> None:
    def wrong(body: dict[str, Any]) -> str:
        return "Invalid `signature` in `thinking` block" if '"thinking"' in json.dumps(body["messages"]) else ""

    own = {**THOUGHT, "signature": "bWluZQ=="}
    both = [FOREIGN[0], {"role": "assistant", "content": [THOUGHT, own, {"type": "text", "text": "hello"}]}, FOREIGN[2]]
    async with running_proxy(fake := FakeProvider(refusing(wrong))) as proxy:
        upstream = proxy.proxy.upstream_names().upstream("minimax")
        proxy.proxy._gateway.memory.signature_owners.note(digest_of("bWluZQ=="), upstream, 0.0)
        assert (await proxy.post(messages=both)).status == 400
        for _ in range(2):
            answer = await proxy.post(messages=both)
            assert answer.headers["x-claude-proxy-attempts"] == "minimax=400, minimax=200"
            await complete_text(answer)
        assert learned(proxy) == ["minimax/claude-opus-5-5 thinking:unknown"]
    assert len(fake.requests) == 6


@async_test
async def test_an_error_of_the_users_own_is_relayed_unchanged() -> None:
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: Field required"}}'
    async with running_proxy(fake := FakeProvider([Status(400, body)])) as proxy:
        answer = await proxy.post(messages=SYSTEM, temperature=0.5)
        assert (answer.status, await answer.read()) == (400, body)
    assert len(fake.requests) == 1


@async_test
async def test_a_retry_that_does_not_help_relays_the_second_answer_and_keeps_no_rule() -> None:
    async with running_proxy(fake := FakeProvider(error(NO_ROLE), error(NO_ROLE + " still"))) as proxy:
        answer = await proxy.post(messages=SYSTEM)
        assert answer.status == 400
        assert "still" in str(await answer.json())
        assert learned(proxy) == []
    assert len(fake.requests) == 2


@async_test
async def test_a_retry_with_the_same_error_again_keeps_no_rule() -> None:
    both = f"temperature: {EXTRA}"
    async with running_proxy(fake := FakeProvider(error(both))) as proxy:
        assert (await proxy.post(temperature=0.5)).status == 400
        assert learned(proxy) == []
    assert len(fake.requests) == 2


@async_test
async def test_a_provider_that_refuses_one_thing_after_the_other_gets_two_requests_at_most() -> None:
    """Whatever is there, it refuses the first of it: each request teaches one rule and is sent twice at most."""
    fields: dict[str, Any] = {name: {"x": 1} for name in sorted(FIELDS) if "." not in name and name != "thinking"}

    def wrong(body: dict[str, Any]) -> str:
        return next((f"{name}: {EXTRA}" for name in body if name in FIELDS), "Nothing is right")

    async with running_proxy(fake := FakeProvider(refusing(wrong))) as proxy:
        for number in range(1, len(fields) + 3):
            assert (await proxy.post(**fields)).status == 400
            assert len(fake.requests) <= 2 * number
        assert 5 < len(learned(proxy)) < len(fields) + 1
        sent = len(fake.requests)
        assert (await proxy.post(**fields)).status == 400
    assert len(fake.requests) == sent + 1


@async_test
async def test_a_fault_of_the_provider_in_the_retry_keeps_no_rule_and_fails_over() -> None:
    first, second = FakeProvider(error(NO_ROLE), [Status(529)]), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post(messages=SYSTEM)
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=400, minimax=529, moonshot=200"
        assert await complete_text(answer) == "second"
        assert learned(proxy) == []
        assert (await proxy.status())["minimax"]["strikes"] == 1


@pytest.mark.parametrize("limit", ["Your credit balance is too low to access the API.", "prompt is too long: 9 > 8"])
@async_test
async def test_a_limit_behind_a_400_in_the_retry_keeps_no_rule(limit: str) -> None:
    first, second = FakeProvider(error(NO_ROLE), error(limit)), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        assert await complete_text(await proxy.post(messages=SYSTEM)) == "second"
        assert learned(proxy) == []
    assert len(first.requests) == 2


@async_test
async def test_a_refusal_as_the_first_event_of_a_stream_is_retried_too() -> None:
    refused: Script = [Stream(), stream_error("invalid_request_error", NO_ROLE)]
    async with running_proxy(FakeProvider(refused, message("hello"))) as proxy:
        assert await complete_text(await proxy.post(messages=SYSTEM)) == "hello"
        assert learned(proxy) == ["minimax/claude-opus-5-5 role:system"]


@async_test
async def test_an_image_that_is_refused_with_415_is_left_out() -> None:
    image = [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "x"}}]}]
    async with running_proxy(FakeProvider(error("Model only support text input", 415), message("hello"))) as proxy:
        answer = await proxy.post(messages=image)
        assert answer.headers["x-claude-proxy-adapted"] == "block:image"
        assert await complete_text(answer) == "hello"


@async_test
async def test_a_refused_count_is_retried_without_keeping_a_rule() -> None:
    counted = FakeProvider(error(f"temperature: {EXTRA}"), json_answer(200, {"input_tokens": 5}))
    async with running_proxy(counted) as proxy:
        answer = await proxy.post("/v1/messages/count_tokens", temperature=0.5, stream=False)
        assert await answer.json() == {"input_tokens": 5}
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=400, minimax=200"
        assert learned(proxy) == []


@async_test
async def test_keeps_the_message_that_taught_a_rule_short_and_without_the_key() -> None:
    text = f"{NO_ROLE} for key-of-minimax " + "x" * 500
    async with running_proxy(FakeProvider(error(text), message("hello"))) as proxy:
        await complete_text(await proxy.post(messages=SYSTEM))
        (kept,) = proxy.proxy._gateway.memory.learned_rules.kept(0.0)
        assert kept.message.startswith(NO_ROLE)
        assert "key-of-minimax" not in kept.message
        assert len(kept.message) == 200


@pytest.mark.parametrize(("text", "sends"), [(NO_ROLE, 1), ("Invalid `signature` in `thinking` block", 2)])
@async_test
async def test_a_plans_request_stays_unchanged_except_for_the_thinking_of_others(text: str, sends: int) -> None:
    plan = configured(fake := FakeProvider(error(text)), auth=Auth.CLIENT, api_key="")
    login = {"Authorization": "Bearer sk-ant-oat01-x", "x-claude-proxy-token": "token-of-this-installation"}
    async with running_proxy(plan) as proxy:
        assert (await proxy.post(headers=login, messages=[*SYSTEM, *FOREIGN[1:]])).status == 400
        await proxy.ledger.wait_for_accounts(1)
    assert len(fake.requests) == sends
