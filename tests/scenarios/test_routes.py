"""The user's own routes: an order for each tier, one for long contexts, and one provider with several models."""

from __future__ import annotations

from types import MappingProxyType

from claude_proxy.core.routing import RouteEntry, Routes
from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import configured, running_proxy
from fakes.scripts import answers, message
from fakes.steps import Status
from fakes.stream_checks import complete_text

OPUS, HAIKU = "claude-opus-5-5", "claude-haiku-5-5"
CLASS = "x-claude-code-request-class"


def routes(*opus: RouteEntry) -> Routes:
    return Routes(by_tier=MappingProxyType({"opus": opus}))


@async_test
async def test_each_tier_follows_its_route() -> None:
    first, second = FakeProvider(answers("first")), FakeProvider(answers("second"))
    async with running_proxy(first, second, routes=routes(RouteEntry("moonshot"), RouteEntry("minimax"))) as proxy:
        assert await complete_text(await proxy.post(model=OPUS)) == "second"
        assert await complete_text(await proxy.post(model=HAIKU)) == "first"
        assert await complete_text(await proxy.post("/provider/minimax/v1/messages", model=OPUS)) == "first"


@async_test
async def test_a_provider_outside_the_route_is_not_asked() -> None:
    first, second = FakeProvider(answers("first")), FakeProvider([Status(529)])
    async with running_proxy(first, second, routes=routes(RouteEntry("moonshot"))) as proxy:
        assert (await proxy.post(model=OPUS)).status == 503
    assert first.requests == []


@async_test
async def test_a_provider_with_two_models_has_one_health() -> None:
    clock = FakeClock()
    first, second = FakeProvider([Status(529)], message("first")), FakeProvider(answers("second"))
    users = routes(RouteEntry("minimax", "large"), RouteEntry("minimax", "small"), RouteEntry("moonshot"))
    async with running_proxy(first, second, routes=users, clock=clock) as proxy:
        answer = await proxy.post(model=OPUS)
        assert await complete_text(answer) == "second"
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=529, moonshot=200"
        clock.pass_time(15)
        assert await complete_text(await proxy.post(model=OPUS)) == "first"
    assert [request.json()["model"] for request in first.requests] == ["large", "large"]


@async_test
async def test_if_all_are_in_cooldown_both_models_of_a_provider_are_tried() -> None:
    clock = FakeClock()
    fake = FakeProvider([Status(529)], [Status(529)], message("small"))
    async with running_proxy(
        fake, routes=routes(RouteEntry("minimax", "large"), RouteEntry("minimax", "small"))
    ) as proxy:
        answer = await proxy.post(model=OPUS)
        assert (answer.status, answer.headers["x-claude-proxy-attempts"]) == (503, "minimax=529, minimax=529")
        clock.pass_time(1)
        assert await complete_text(await proxy.post(model=OPUS)) == "small"


@async_test
async def test_a_long_context_follows_its_route() -> None:
    first, second = FakeProvider(answers("first")), FakeProvider(answers("second"))
    users = Routes(long_context=(RouteEntry("moonshot", "wide"), RouteEntry("minimax")), long_context_tokens=1000)
    async with running_proxy(first, second, routes=users) as proxy:
        assert await complete_text(await proxy.post()) == "first"
        assert await complete_text(await proxy.post(system="word " * 1000)) == "second"
    assert second.requests[0].json()["model"] == "wide"


@async_test
async def test_the_list_of_models_describes_the_routes() -> None:
    fakes = FakeProvider(answers()), configured(FakeProvider(answers()), models={"opus": "kimi-k3"})
    async with running_proxy(*fakes, routes=routes(RouteEntry("moonshot"), RouteEntry("minimax", "M3"))) as proxy:
        page = await (await proxy.ask("GET", "/v1/models")).json()
        assert page["data"][0]["description"] == "kimi-k3 at moonshot, then M3 at minimax"
        pinned = await (await proxy.ask("GET", "/provider/minimax/v1/models")).json()
        assert pinned["data"][0]["description"] == "claude-opus-5-5 at minimax"


@async_test
async def test_a_request_class_follows_its_route_and_its_hint_stays_here() -> None:
    first, second = FakeProvider(answers("first")), FakeProvider(answers("second"))
    users = Routes(by_class=MappingProxyType({"subagent": (RouteEntry("moonshot", "flash"),)}))
    async with running_proxy(first, second, routes=users) as proxy:
        headers = {CLASS: "subagent", "x-claude-code-agent-type": "Explore"}
        assert await complete_text(await proxy.post(model=OPUS, headers=headers)) == "second"
        assert await complete_text(await proxy.post(model=OPUS, headers={**headers, CLASS: "main"})) == "first"
        assert await complete_text(await proxy.post(model=OPUS)) == "first"
    assert [request.json()["model"] for request in second.requests] == ["flash"]
    sent = [name for fake in (first, second) for request in fake.requests for name, _ in request.headers]
    assert not [name for name in sent if name.lower().startswith(b"x-claude-code")]
