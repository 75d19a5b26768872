"""A request that names its provider in its path goes there, whatever its health, and nowhere else."""

from __future__ import annotations

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import configured, running_proxy
from fakes.scripts import message
from fakes.steps import Cut, Status
from fakes.stream_checks import complete_text

PIN = "/provider/moonshot/v1/messages?beta=true"


@async_test
async def test_goes_to_the_named_provider() -> None:
    first, second = FakeProvider(message("first")), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post(PIN)
        assert await complete_text(answer) == "second"
        assert answer.headers["x-claude-proxy-provider"] == "moonshot"
        [account] = await proxy.ledger.wait_for_accounts(1)
        assert account.pinned
    assert first.requests == []
    assert second.requests[0].target == "/v1/messages?beta=true"


@async_test
async def test_relays_its_error_and_asks_no_other_provider() -> None:
    first, second = FakeProvider(message("first")), FakeProvider([Status(529)])
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post(PIN)
        assert (answer.status, (await answer.json())["error"]["message"]) == (529, "scripted 529")
    assert first.requests == []


@async_test
async def test_a_broken_connection_is_an_error_of_the_proxy() -> None:
    first, second = FakeProvider(message("first")), FakeProvider([Cut()])
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post(PIN)
        assert answer.status >= 500
        assert (await answer.json())["type"] == "error"
    assert first.requests == []


@async_test
async def test_goes_there_even_in_cooldown() -> None:
    first = FakeProvider(message("first"))
    second = FakeProvider([Status(429, headers={"retry-after": "600"})], message("second"))
    async with running_proxy(first, second) as proxy:
        assert (await proxy.post(PIN)).status == 429
        assert await complete_text(await proxy.post(PIN)) == "second"


@async_test
async def test_an_unknown_pin_gets_a_status_that_claude_code_shows_with_the_known_names() -> None:
    first, second = FakeProvider(message("first")), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post("/provider/kimi/v1/messages")
        error = await answer.json()
    assert (answer.status, error["error"]["type"]) == (410, "not_found_error")
    assert answer.headers["x-should-retry"] == "false"
    assert all(name in error["error"]["message"] for name in ("kimi", "minimax", "moonshot"))
    assert first.requests == second.requests == []


@async_test
async def test_a_model_that_names_its_provider_pins_both() -> None:
    first = FakeProvider(message("first"))
    second = configured(FakeProvider(message("second")), models={"default": "kimi-k3"})
    async with running_proxy(first, second) as proxy:
        assert await complete_text(await proxy.post(model="claude-proxy/moonshot/kimi/k2.7")) == "second"
    assert isinstance(second.at, FakeProvider)
    assert second.at.requests[0].json()["model"] == "kimi/k2.7"
    assert first.requests == []
