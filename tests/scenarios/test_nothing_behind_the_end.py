"""A provider goes on behind the last event of its stream: the client gets nothing of that."""

from __future__ import annotations

import asyncio

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import MESSAGE_STOP, PING, block_stop, message, message_delta, opening, stream_error
from fakes.steps import Body, Event, Reached, Repeat, Script, Stall, Wait
from fakes.stream_checks import COMPLETE, ending_of, text_of

SECOND = b"".join(event.encode() for event in message("again") if isinstance(event, Event))
LAST = {"message_stop": MESSAGE_STOP, "error": stream_error("invalid_request_error")}
ENDINGS = {"message_stop": Ending.COMPLETE, "error": Ending.ERROR}
BEHIND: dict[str, Script] = {
    "a second message": message("again")[1:],
    "a second end": [MESSAGE_STOP],
    "an error": [stream_error("api_error")],
    "content": [Event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "again"}})],
    "pings": [PING, PING],
    "HTML": [Body(b"<html>\n\n</html>\n\n")],
    "half an event": [Body(b"event: content_block_delta\nda")],
    "an event without an end": [Body(b"x" * 9 * 1024 * 1024)],
    "silence": [Stall()],
    "pings for ever": [Repeat(PING, 0.001)],
}


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("last", LAST)
@async_test
async def test_nothing_goes_behind_the_last_event(last: str, behind: Script) -> None:
    first = FakeProvider([*opening("whole"), block_stop(), message_delta(), LAST[last], *behind])
    async with running_proxy(first, ping_interval=0.01) as proxy:
        events = await (await proxy.post()).all_events()
        (account,) = await proxy.ledger.wait_for_accounts(1)
    assert (text_of(events), events[-1].name) == ("whole", last)
    assert account.ending is ENDINGS[last]


@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@async_test
async def test_bytes_behind_the_last_event_in_one_piece_with_it_are_cut(line_end: bytes, last: str) -> None:
    gate = asyncio.Event()
    block = b"".join(event.encode() for event in (block_stop(), message_delta(), LAST[last]))
    first = FakeProvider([*opening("whole"), Wait(gate), Body((block + SECOND).replace(b"\n", line_end))])
    async with running_proxy(first) as proxy:
        answer = await proxy.post()
        gate.set()
        body = await answer.read()
    assert body.endswith(block.replace(b"\n", line_end))
    assert body.count(b"again") == 0


@async_test
async def test_an_answer_in_one_piece_is_cut_behind_its_end() -> None:
    stream, *events = message("whole")
    whole = b"".join(part for step in events for part in pieces(step))
    first = FakeProvider([stream, Body(whole + SECOND)])
    async with running_proxy(first) as proxy:
        assert await (await proxy.post()).read() == whole


@pytest.mark.parametrize("last", LAST)
@async_test
async def test_a_last_event_of_very_many_lines_is_one_too(last: str) -> None:
    end = b": x\n" * 10_000 + LAST[last].encode()
    first = FakeProvider([*opening("whole"), block_stop(), message_delta(), Body(end + SECOND)])
    async with running_proxy(first) as proxy:
        events = await (await proxy.post()).all_events()
    # what such an error says is not read: the answer before it is whole
    assert (text_of(events), ending_of(events)) == ("whole", COMPLETE)


def pieces(step: object) -> list[bytes]:
    return [event.encode() for event in ([step] if isinstance(step, Event) else step.events())]  # type: ignore[attr-defined]


@async_test
async def test_a_connection_with_bytes_behind_the_end_serves_the_next_request() -> None:
    first = FakeProvider([*message("whole"), PING, MESSAGE_STOP])
    async with running_proxy(first) as proxy:
        connection = await proxy.connect()
        for _ in range(3):
            events = await (await proxy.post(connection=connection)).all_events()
            assert (text_of(events), events[-1].name) == ("whole", COMPLETE)
        assert first.open_connections == 1


@async_test
async def test_a_forced_stop_adds_nothing_behind_the_last_event() -> None:
    mark = asyncio.Event()
    first = FakeProvider([*message("whole"), Reached(mark), Stall()])
    async with running_proxy(first) as proxy:
        answer = await proxy.post()
        events = answer.events()
        heard = []
        async for event in events:
            heard.append(event)
            if event.name == COMPLETE:
                break
        await mark.wait()
        await proxy.ask("POST", "/admin/stop", b'{"force": true}')
        heard += [event async for event in events]
    assert heard[-1].name == COMPLETE
    assert [event.name for event in heard].count("error") == 0
