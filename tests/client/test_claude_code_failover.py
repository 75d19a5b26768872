"""One provider calls a tool of the real Claude Code; another one gets the result and accepts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.proxy import TOKEN
from fakes.steps import Script, Status
from fakes.vendors.anthropic import Anthropic
from fakes.vendors.base import Vendor
from fakes.vendors.behind_proxy import vendors_behind_proxy
from fakes.vendors.deepseek import DeepSeek
from fakes.vendors.minimax import MiniMax, plan_used_up
from fakes.vendors.moonshot import Moonshot
from fakes.vendors.replies import ModelReply
from fakes.vendors.request_blocks import Body

COMMAND = {"command": "echo harmless-$((40+2))", "description": "Say something harmless"}
MOVES = [
    pytest.param(MiniMax, plan_used_up(), Moonshot, id="minimax is limited, moonshot goes on"),
    pytest.param(DeepSeek, [Status(503)], Anthropic, id="deepseek is down, anthropic goes on"),
]


@pytest.mark.parametrize(("first", "trouble", "second"), MOVES)
@async_test
async def test_a_tool_result_goes_to_another_provider(
    first: type[Vendor], trouble: Script, second: type[Vendor], tmp_path: Path
) -> None:
    claude = claude_code(tmp_path)
    async with vendors_behind_proxy(tmp_path, first, second) as setup:
        caller, other = setup.vendors

        def call(_: Body) -> ModelReply:
            caller.outage = trouble
            return ModelReply(("a command tells it",), calls=(("Bash", COMMAND),))

        caller.reply = call
        other.reply = lambda _: ModelReply(("so it is 42",), "the tool said so")
        finished = await claude.run(setup.proxy.url, TOKEN, "run it", "--allowedTools", "Bash")
        assert (finished.code, finished.out) == (0, "the tool said so"), finished
        assert setup.rejections() == []
        assert [vendor.violations for vendor in setup.vendors] == [[], []]
        [_], [moved] = caller.accepted, other.accepted
        results = [
            block["content"]
            for message in moved["messages"]
            for block in message["content"]
            if isinstance(block, dict) and block["type"] == "tool_result"
        ]
    assert results == ["harmless-42"]
