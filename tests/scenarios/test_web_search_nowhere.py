"""Claude Code's WebSearch, a request with a server tool alone, if providers lack that tool."""

from __future__ import annotations

import pytest

from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import configured, running_proxy
from fakes.scripts import message

SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
LACKS_IT, HAS_IT = Traits(server_tools=()), Traits(server_tools=("web_search_",))


@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_if_no_provider_has_web_search_answers_without_asking_one(*, stream: bool) -> None:
    fakes = FakeProvider(), FakeProvider()
    async with running_proxy(*(configured(fake, traits=LACKS_IT) for fake in fakes)) as proxy:
        answer = await proxy.post(stream=stream, tools=[SEARCH])
        body = await answer.read()
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert answer.status == 200
    assert answer.headers["content-type"] == ("text/event-stream" if stream else "application/json")
    assert b"none of the providers has the tool for it (web_search_20250305)" in body
    assert (account.status, account.ending, account.attempts, account.provider) == (200, Ending.COMPLETE, (), "")
    assert not [request for fake in fakes for request in fake.requests]


@async_test
async def test_if_one_provider_has_web_search_asks_that_one() -> None:
    fake = FakeProvider(message())
    async with running_proxy(configured(fake, traits=HAS_IT)) as proxy:
        answer = await proxy.post(tools=[SEARCH])
        await answer.read()
    assert "x-claude-proxy-adapted" not in answer.headers
    [request] = fake.requests
    assert request.json()["tools"] == [SEARCH]


@async_test
async def test_leaves_web_search_out_beside_other_tools_and_names_it_in_the_headers() -> None:
    own = {"name": "Read", "input_schema": {"type": "object"}}
    fake = FakeProvider(message())
    async with running_proxy(configured(fake, traits=LACKS_IT)) as proxy:
        answer = await proxy.post(tools=[SEARCH, own])
        await answer.read()
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert answer.headers["x-claude-proxy-adapted"] == "tool:web_search_20250305"
    assert account.attempts[0].adapted == ("tool:web_search_20250305",)
    [request] = fake.requests
    assert request.json()["tools"] == [own]
    assert "web_search" in request.json()["system"]
