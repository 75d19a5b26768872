"""A stream ends after its stop reason but without message_stop: it gets one, and counts as whole."""

from __future__ import annotations

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import PING, message, message_delta, message_start
from fakes.steps import Close, Cut, Step, Stream, Text
from fakes.stream_checks import complete_text, names_of


@pytest.mark.parametrize(
    "end",
    [
        pytest.param([], id="in order"),
        pytest.param([PING], id="after a ping"),
        pytest.param([Close()], id="within the chunked body"),
        pytest.param([Cut()], id="reset"),
    ],
)
@async_test
async def test_adds_the_message_stop_that_a_stream_lacks(end: list[Step]) -> None:
    first = FakeProvider([Stream(), message_start(), Text("hello"), message_delta(), *end])
    async with running_proxy(first) as proxy:
        assert await complete_text(await proxy.post()) == "hello"
        [account] = await proxy.ledger.wait_for_accounts(1)
        report = (await proxy.status())["minimax"]
    assert account.ending is Ending.COMPLETE
    assert report["strikes"] == 0


@async_test
async def test_adds_no_second_message_stop() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        events = await (await proxy.post()).all_events()
    assert names_of(events).count("message_stop") == 1


@async_test
async def test_relays_an_empty_answer_with_a_stop_reason() -> None:
    first, second = FakeProvider([Stream(), message_start(), message_delta()]), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        assert await complete_text(await proxy.post()) == ""
    assert second.requests == []
