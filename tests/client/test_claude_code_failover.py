"""The real Claude Code's tool is called by one provider and its result goes to another, which takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.proxy import TOKEN
from fakes.steps import Script, Status
from fakes.vendors.anthropic import Claude
from fakes.vendors.base import House
from fakes.vendors.behind_proxy import table
from fakes.vendors.deepseek import DeepSeek
from fakes.vendors.minimax import MiniMax, plan_used_up
from fakes.vendors.moonshot import Kimi
from fakes.vendors.replies import Said
from fakes.vendors.request_blocks import Body

COMMAND = {"command": "echo harmless-$((40+2))", "description": "Say something harmless"}
MOVES = [
    pytest.param(MiniMax, plan_used_up(), Kimi, id="minimax is limited, moonshot goes on"),
    pytest.param(DeepSeek, [Status(503)], Claude, id="deepseek is down, anthropic goes on"),
]


@pytest.mark.parametrize(("first", "trouble", "second"), MOVES)
@async_test
async def test_its_tool_is_called_by_one_and_answered_to_another(
    first: type[House], trouble: Script, second: type[House], tmp_path: Path
) -> None:
    claude = claude_code(tmp_path)
    async with table(tmp_path, first, second) as here:
        caller, other = here.houses

        def call(_: Body) -> Said:
            caller.outage = trouble
            return Said(("a command tells it",), calls=(("Bash", COMMAND),))

        caller.says = call
        other.says = lambda _: Said(("so it is 42",), "the tool said so")
        finished = await claude.run(here.proxy.url, TOKEN, "run it", "--allowedTools", "Bash")
        assert (finished.code, finished.out) == (0, "the tool said so"), finished
        assert here.refusals() == []
        assert [house.offences for house in here.houses] == [[], []]
        [_], [moved] = caller.taken, other.taken
        results = [
            block["content"]
            for message in moved["messages"]
            for block in message["content"]
            if isinstance(block, dict) and block["type"] == "tool_result"
        ]
    assert results == ["harmless-42"]
