"""Claude Code's WebSearch goes to a provider that has it; if none has, the answer says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from fakes.async_test import async_test
from fakes.stream_checks import complete_text
from fakes.vendors.anthropic import Anthropic
from fakes.vendors.base import Vendor
from fakes.vendors.behind_proxy import PATH, VendorSetup, vendors_behind_proxy
from fakes.vendors.conversation import HEADERS, text
from fakes.vendors.deepseek import DeepSeek
from fakes.vendors.minimax import MiniMax
from fakes.vendors.moonshot import Moonshot
from fakes.vendors.zai import Zai

TOOL = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
QUERY = {"role": "user", "content": [text("Perform a web search for the query: weather")]}
SEARCH = {
    "model": "claude-opus-5-5",
    "messages": [QUERY],
    "system": [text("x-anthropic-billing-header: cc_version=2.1.330.355;"), text("You run a web search.")],
    "tools": [TOOL],
    "tool_choice": {"type": "auto"},
    "max_tokens": 128_000,
    "output_config": {"effort": "medium"},
    "stream": True,
}


async def search(setup: VendorSetup) -> str:
    """Ask as Claude Code's WebSearch does; return who answered."""
    answer = await setup.proxy.ask("POST", PATH, json.dumps(SEARCH).encode(), headers=HEADERS)
    assert await complete_text(answer) == "hello"
    return answer.headers["x-claude-proxy-provider"]


@pytest.mark.parametrize("kinds", [(Moonshot, DeepSeek), (MiniMax, Zai, Anthropic)])
@async_test
async def test_a_web_search_goes_to_the_provider_that_has_it(kinds: Sequence[type[Vendor]], tmp_path: Path) -> None:
    async with vendors_behind_proxy(tmp_path, *kinds) as setup:
        assert await search(setup) == kinds[-1].name
        assert [len(vendor.accepted) for vendor in setup.vendors] == [0] * (len(kinds) - 1) + [1]
        [asked] = setup.vendors[-1].accepted
        assert asked["tools"] == [TOOL]
        assert setup.rejections() == []


@async_test
async def test_a_request_without_a_web_search_goes_to_the_first_provider(tmp_path: Path) -> None:
    async with vendors_behind_proxy(tmp_path, Moonshot, DeepSeek) as setup:
        await search(setup)
        body = {name: value for name, value in SEARCH.items() if name not in ("tools", "tool_choice")}
        answer = await setup.proxy.ask("POST", PATH, json.dumps(body).encode(), headers=HEADERS)
        assert await complete_text(answer) == "hello"
        assert answer.headers["x-claude-proxy-provider"] == "moonshot"


@pytest.mark.parametrize("kinds", [(Moonshot, Zai), (MiniMax,)])
@async_test
async def test_says_so_if_no_provider_has_web_search(kinds: Sequence[type[Vendor]], tmp_path: Path) -> None:
    async with vendors_behind_proxy(tmp_path, *kinds) as setup:
        answer = await setup.proxy.ask("POST", PATH, json.dumps(SEARCH).encode(), headers=HEADERS)
        told = await complete_text(answer)
        assert "web_search" in told
        assert "nothing was searched" in told
        assert [vendor.fake.requests for vendor in setup.vendors] == [[]] * len(kinds)
