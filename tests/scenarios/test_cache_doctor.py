"""What the account of a request says of the prompt cache: what was expected of it, why it was missed, at what cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from claude_proxy.core.cache_doctor.doctor import CacheDoctor
from claude_proxy.core.cache_doctor.finding import PROVIDER_CHANGED, CacheFinding
from claude_proxy.core.prices import Price, Prices, Rate
from claude_proxy.net.coalescing_transport import CoalescingTransport
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, configured, running_proxy
from fakes.scripts import MESSAGE_STOP, PING, USAGE, json_message, message_delta
from fakes.steps import Cut, Event, Script, Status, Stream, Text

SESSION = {"x-claude-code-session-id": "5f0c"}
BILLING = "x-anthropic-billing-header: cch={};"
PRICES = {"claude-opus-5-5": Prices((Rate(Price(input=2, output=10, cache_read=0.2, cache_write_5m=2.5)),))}


def answer(read: int = 0, written: int = 0, fresh: int = 2) -> Script:
    """A stream that tells of the cache."""
    usage = {"input_tokens": fresh, "output_tokens": 1}
    usage |= {"cache_read_input_tokens": read, "cache_creation_input_tokens": written}
    start = Event("message_start", {"message": {"id": "m", "type": "message", "role": "assistant", "usage": usage}})
    return [Stream(), start, PING, Text("hello"), message_delta(), MESSAGE_STOP]


def messages(count: int) -> list[dict[str, Any]]:
    return [{"role": ("user", "assistant")[number % 2], "content": f"{number} " * 2000} for number in range(count)]


async def ask(proxy: RunningProxy, count: int, headers: Mapping[str, str] = SESSION, **fields: Any) -> None:
    """Send the first messages of a conversation, and read the answer to its end."""
    system = [{"type": "text", "text": BILLING.format(count)}, {"type": "text", "text": "You are Claude Code."}]
    whole = {"system": system, "model": "claude-opus-5-5", **fields}
    await (await proxy.post(headers=headers, messages=messages(count), **whole)).read()


def findings(proxy: RunningProxy) -> list[CacheFinding | None]:
    return [account.cache for account in proxy.ledger.accounts]


@async_test
async def test_a_conversation_is_read_from_the_cache_until_another_provider_answers() -> None:
    first = FakeProvider(answer(0, 5000), answer(5000, 2000), [Status(529)])
    second = FakeProvider(answer(0, 9000), answer(9000, 2000))
    async with running_proxy(configured(first, prices=PRICES), configured(second, prices=PRICES)) as proxy:
        for count in (1, 3, 5, 7):
            await ask(proxy, count)
        *read, moved, after = findings(proxy)
    assert read == [CacheFinding(0), CacheFinding(5000)]
    assert moved
    assert moved == CacheFinding(7000, 7000, PROVIDER_CHANGED, moved.cost)
    assert moved.cost == pytest.approx(7000 * 2.3 / 1e6)
    assert after == CacheFinding(9000)


@async_test
async def test_a_changed_beginning_is_named_and_without_a_price_its_cost_is_not_known() -> None:
    fake = FakeProvider(answer(0, 5000), answer(0, 9000))
    async with running_proxy(fake) as proxy:
        await ask(proxy, 3)
        await ask(proxy, 5, tools=[{"name": "New", "input_schema": {"type": "object"}}])
        found = findings(proxy)[1]
    assert found
    assert (found.reason, found.cost) == ("tools changed", None)
    assert found.missed_tokens == found.expected_tokens > 4500


@async_test
async def test_an_answer_that_is_not_streamed_is_looked_at_too() -> None:
    fake = FakeProvider(answer(0, 5000), json_message())
    async with running_proxy(fake) as proxy:
        await ask(proxy, 3)
        await ask(proxy, 5, stream=False)
        found = findings(proxy)[1]
    assert found == CacheFinding(USAGE["input_tokens"])


@async_test
async def test_nothing_is_said_without_a_session_nor_of_a_broken_answer_nor_of_counting() -> None:
    broken: Script = [*answer(0, 5000)[:4], Cut()]
    fake = FakeProvider(answer(0, 5000), answer(0, 5000), broken, answer(9000))
    async with running_proxy(fake, continue_answers=False) as proxy:
        await ask(proxy, 3)
        await ask(proxy, 5, headers={})
        await ask(proxy, 5)
        await ask(proxy, 7)
        body = json.dumps({"model": "m", "messages": messages(1)}).encode()
        await (await proxy.ask("POST", "/v1/messages/count_tokens", body, headers=SESSION)).read()
        assert findings(proxy) == [CacheFinding(0), None, None, CacheFinding(5000), None]


@async_test
async def test_the_answer_has_left_before_its_request_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    written, at_diagnosis = list[bytes](), list[bytes]()
    flush, diagnose = CoalescingTransport._flush, CacheDoctor.diagnose

    def noted_flush(self: CoalescingTransport) -> None:
        written.extend(self._pieces)
        flush(self)

    def noted_diagnose(self: CacheDoctor, *arguments: Any) -> CacheFinding | None:
        at_diagnosis.append(b"".join(written))
        return diagnose(self, *arguments)

    monkeypatch.setattr(CoalescingTransport, "_flush", noted_flush)
    monkeypatch.setattr(CacheDoctor, "diagnose", noted_diagnose)
    async with running_proxy(FakeProvider(answer(0, 5000), json_message("whole"))) as proxy:
        await ask(proxy, 1)
        await ask(proxy, 3, stream=False)
        await ask(proxy, 3, stream=False)
    assert b"message_stop" in at_diagnosis[0]
    assert [each.count(b'"whole"') for each in at_diagnosis] == [0, 1, 2]


@pytest.mark.parametrize(
    ("times", "expected"), [(8, [CacheFinding(0), CacheFinding(5000)]), (3, [None, None])], ids=["room", "no room"]
)
@async_test
async def test_a_request_is_kept_for_it_only_while_half_of_the_memory_budget_is_free(
    times: int, expected: list[CacheFinding | None]
) -> None:
    large: dict[str, Any] = {"system": "a long system prompt " * 10_000}
    budget = times * len(json.dumps({**large, "messages": messages(3)}))
    fake = FakeProvider(answer(0, 5000), answer(5000, 2000))
    async with running_proxy(fake, memory_budget=budget, continue_answers=False) as proxy:
        for count in (1, 3):
            await (await proxy.post(headers=SESSION, messages=messages(count), **large)).read()
        assert findings(proxy) == expected
