"""A client whose base URL ends in `/v1` asks for `/v1/v1/messages`."""

from __future__ import annotations

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, configured, running_proxy
from fakes.scripts import answers
from fakes.stream_checks import complete_text


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/v1/v1/messages?beta=true", "first"),
        ("/provider/moonshot/v1/v1/messages?beta=true", "second"),
        ("/v1/provider/moonshot/v1/messages?beta=true", "second"),
        ("/v1/provider/moonshot/v1/v1/messages?beta=true", "second"),
    ],
)
@async_test
async def test_messages_are_answered_and_the_provider_is_asked_as_ever(target: str, text: str) -> None:
    first, second = FakeProvider(answers("first")), FakeProvider(answers("second"))
    async with running_proxy(first, second) as proxy:
        assert await complete_text(await proxy.post(target)) == text
    [request] = [*first.requests, *second.requests]
    assert request.target == "/v1/messages?beta=true"


@async_test
async def test_the_other_paths_are_there_too() -> None:
    async with running_proxy(configured(FakeProvider(answers()), own_models=("m3",), counts_tokens=False)) as proxy:
        assert (await proxy.ask("HEAD", "/v1/api/hello", headers={"Authorization": ""})).status == 200
        assert (await proxy.ask("GET", "/v1/v1/models")).status == 200
        assert (await proxy.ask("GET", "/v1/v1/models/claude-opus-5-5")).status == 200
        assert (await proxy.post("/v1/v1/messages/count_tokens")).status == 200
        assert (await proxy.post("/v1/v1/v1/messages")).status == 410
        assert (await proxy.ask("GET", "/v1/admin/status")).status == 404


@pytest.mark.parametrize("target", ["/v1/v1/messages", "/v1/provider/minimax/v1/messages"])
@async_test
async def test_they_need_the_token(target: str) -> None:
    fake = FakeProvider(answers())
    async with running_proxy(fake) as proxy:
        assert (await proxy.post(target, headers={"Authorization": ""}, model=PROMPT["model"])).status == 401
    assert fake.requests == []
