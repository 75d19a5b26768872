"""The list of models that fills Claude Code's picker."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import configured, running_proxy
from fakes.scripts import message
from fakes.stream_checks import complete_text


@async_test
async def test_lists_the_tiers_and_each_providers_models_under_ids_that_the_picker_shows() -> None:
    first, second = FakeProvider(message("first")), FakeProvider(message("second"))
    own = configured(second, own_models=("kimi-k3", "kimi-k2.6"))
    async with running_proxy(first, own) as proxy:
        answer = await proxy.ask("GET", "/v1/models?limit=1000")
        assert answer.status == 200
        models = (await answer.json())["data"]
    ids = [model["id"] for model in models]
    assert len(ids) == len(set(ids))
    assert all("claude" in model["id"] or "anthropic" in model["id"] for model in models)
    assert all(model["display_name"] and model["type"] == "model" for model in models)
    for tier in ("opus", "sonnet", "haiku", "fable"):
        assert any(tier in one for one in ids)
    assert {"claude-proxy/moonshot/kimi-k3", "claude-proxy/moonshot/kimi-k2.6"} <= set(ids)
    assert first.requests == second.requests == []


@async_test
async def test_each_listed_model_of_a_provider_pins_it() -> None:
    first, second = FakeProvider(message("first")), FakeProvider(message("second"))
    async with running_proxy(first, configured(second, own_models=("kimi-k3",), models={"default": "other"})) as proxy:
        models = (await (await proxy.ask("GET", "/v1/models")).json())["data"]
        [own] = [model["id"] for model in models if "moonshot" in model["id"]]
        assert await complete_text(await proxy.post(model=own)) == "second"
    assert second.requests[0].json()["model"] == "kimi-k3"


@async_test
async def test_under_a_pin_lists_only_that_providers_models() -> None:
    first = configured(FakeProvider(message("first")), own_models=("m3",))
    second = configured(FakeProvider(message("second")), own_models=("kimi-k3",))
    async with running_proxy(first, second) as proxy:
        text = json.dumps(await (await proxy.ask("GET", "/provider/moonshot/v1/models?limit=1000")).json())
        unknown = await proxy.ask("GET", "/provider/kimi/v1/models")
        assert unknown.status == 404
    assert "kimi-k3" in text
    assert "minimax" not in text


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("claude-opus-5-5", 200),
        ("claude-mythos-5", 200),
        ("claude-opus-5-5[1m]", 200),
        ("claude-opus-5-5%5B1m%5D", 200),
        ("claude-nova-7", 200),
        ("opus", 200),
        ("kimi-k3", 200),
        ("claude-proxy/moonshot/kimi-k3", 200),
        ("claude-proxy%2Fmoonshot%2Fkimi-k3", 200),
        ("claude-proxy/zai/org/model-1", 200),
        ("claude-proxy/minimax/anything", 200),
        ("claude-proxy/moonshot/other", 404),
        ("claude-proxy/nobody/kimi-k3", 404),
        ("claude-proxy", 404),
        ("gpt-9", 404),
        ("a/b/c", 404),
    ],
)
@async_test
async def test_tells_of_one_model_if_a_request_may_name_it(target: str, status: int) -> None:
    first, second, third = (FakeProvider(message("hello")) for _ in range(3))
    own, other = configured(second, own_models=("kimi-k3",)), configured(third, own_models=("org/model-1",))
    async with running_proxy(first, own, other) as proxy:
        answer = await proxy.ask("GET", f"/v1/models/{target}")
        body = await answer.json()
    assert answer.status == status
    if status == 200:
        assert (body["type"], body["id"]) == ("model", unquote(target))
        assert body["display_name"]
        assert body["created_at"]
    else:
        assert body["error"]["type"] == "not_found_error"
    assert first.requests == second.requests == []


@async_test
async def test_under_a_pin_tells_of_that_providers_models_alone() -> None:
    first = configured(FakeProvider(message("first")), own_models=("m3",))
    second = configured(FakeProvider(message("second")), own_models=("kimi-k3",))
    async with running_proxy(first, second) as proxy:
        assert (await proxy.ask("GET", "/provider/moonshot/v1/models/kimi-k3")).status == 200
        assert (await proxy.ask("GET", "/provider/moonshot/v1/models/m3")).status == 404
        assert (await proxy.ask("GET", "/provider/kimi/v1/models/kimi-k3")).status == 404
        assert (await proxy.ask("GET", "/v1/models/", headers={"Authorization": ""})).status == 401
        assert "data" in await (await proxy.ask("GET", "/v1/models/")).json()


@async_test
async def test_needs_the_token() -> None:
    async with running_proxy(FakeProvider(message("first"))) as proxy:
        assert (await proxy.ask("GET", "/v1/models", headers={"Authorization": ""})).status == 401
