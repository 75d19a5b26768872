"""A provider sends events that no client can place: they are left out, and the answer is whole."""

from __future__ import annotations

import pytest

from claude_proxy.core.types import Ending
from core.continuation.answers import Assembled, Block, Text, Thinking, ToolCall, stream_of
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.steps import Body, Stream

BLOCKS: list[Block] = [Thinking(["I think"]), Text(["All ", "of it."]), ToolCall("Write", ['{"path"', ':"a"}'])]
EVENTS = stream_of(BLOCKS, "tool_use")
REPEATED = {
    f"{EVENTS[at].split()[1].decode()} {at}": at
    for at in range(len(EVENTS))
    if b"content_block_stop" in EVENTS[at] or b"message_start" in EVENTS[at]
}


@pytest.mark.parametrize("at", REPEATED.values(), ids=REPEATED)
@async_test
async def test_an_event_that_comes_twice_reaches_the_client_once(at: int) -> None:
    twice = b"".join([*EVENTS[: at + 1], EVENTS[at], *EVENTS[at + 1 :]])
    async with running_proxy(FakeProvider([Stream(), Body(twice)])) as proxy:
        assembled = Assembled()
        for event in await (await proxy.post()).all_events():
            assembled.take({"type": event.name, **event.data})
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert (assembled.text, assembled.calls) == ("All of it.", [("Write", {"path": "a"})])
    assert (assembled.starts, assembled.stop_reason, assembled.over) == (1, "tool_use", True)
    assert account.ending is Ending.COMPLETE
