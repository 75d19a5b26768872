"""Every candidate is in cooldown: they are tried anyway, in the order of their return. There is never a blackout."""

from __future__ import annotations

from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import message
from fakes.steps import Status
from fakes.stream_checks import complete_text


@async_test
async def test_if_all_are_in_cooldown_asks_the_first_to_return() -> None:
    clock = FakeClock()
    first = FakeProvider([Status(429, headers={"retry-after": "600"})], message("first"))
    second = FakeProvider([Status(429, headers={"retry-after": "60"})], message("second"))
    third = FakeProvider([Status(429, headers={"retry-after": "300"})], message("third"))
    async with running_proxy(first, second, third, clock=clock) as proxy:
        assert (await proxy.post()).status == 429
        answer = await proxy.post()
        assert await complete_text(answer) == "second"
        assert answer.headers["x-claude-proxy-attempts"] == "moonshot=200"
    assert [len(fake.requests) for fake in (first, second, third)] == [1, 2, 1]


@async_test
async def test_if_the_first_to_return_fails_again_asks_the_next() -> None:
    first = FakeProvider([Status(429, headers={"retry-after": "600"})], message("first"))
    second = FakeProvider([Status(429, headers={"retry-after": "60"})])
    async with running_proxy(first, second, clock=FakeClock()) as proxy:
        assert (await proxy.post()).status == 429
        answer = await proxy.post()
        assert await complete_text(answer) == "first"
        assert answer.headers["x-claude-proxy-attempts"] == "moonshot=429, minimax=200"


@async_test
async def test_an_answer_during_a_cooldown_ends_it() -> None:
    first = FakeProvider([Status(429, headers={"retry-after": "600"})], message("first"))
    async with running_proxy(first, clock=FakeClock()) as proxy:
        assert (await proxy.post()).status == 429
        assert await complete_text(await proxy.post()) == "first"
        assert (await proxy.status())["minimax"]["state"] == "ready"
