"""The real Claude Code uses a tool and finishes, in whichever form its provider answers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from claude_proxy.core.types import Ending
from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, running_proxy
from fakes.scripts import json_message, message, tool_use
from fakes.steps import Body, Event, Head, Raw, Script, Status, Step, Stream, Text

COMMAND = {"command": "echo harmless-$((40+2))", "description": "Say something harmless"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": COMMAND}
WHOLE_CALL = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "I run it."}, CALL],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 5},
}


def events_of(script: Script) -> list[Event]:
    events = list[Event]()
    for step in script:
        events += step.events() if isinstance(step, Text) else [step] if isinstance(step, Event) else []
    return events


def nameless(script: Script) -> list[Step]:
    return [Stream(), *(Body(event.encode().partition(b"\n")[2]) for event in events_of(script))]


def zipped(script: Script) -> list[Step]:
    body = gzip.compress(b"".join(event.encode() for event in events_of(script)))
    headers = {"content-type": "text/event-stream", "content-encoding": "none", "content-length": str(len(body))}
    return [Head(200, headers), Raw(body)]


FORMS: dict[str, tuple[Script, Script]] = {
    "whole messages": ([Status(200, json.dumps(WHOLE_CALL).encode())], json_message("the tool said so")),
    "events without names": (nameless(tool_use("Bash", COMMAND)), nameless(message("the tool said so"))),
    "gzip that no header names": (zipped(tool_use("Bash", COMMAND)), zipped(message("the tool said so"))),
}


@pytest.mark.parametrize("form", FORMS)
@async_test
async def test_uses_a_tool_and_finishes(form: str, tmp_path: Path) -> None:
    claude, provider = claude_code(tmp_path), FakeProvider(*FORMS[form])
    async with running_proxy(provider) as proxy:
        finished = await claude.run(proxy.url, TOKEN, "run it", "--allowedTools", "Bash")
        accounts = await proxy.ledger.wait_for_accounts(2)
        assert (await proxy.status())["minimax"]["strikes"] == 0
    assert (finished.code, finished.out) == (0, "the tool said so"), finished
    assert [account.ending for account in accounts] == [Ending.COMPLETE] * 2
    assert "harmless-42" in json.dumps(provider.requests[1].json()["messages"])
