"""A provider that sends a byte at a time and never says anything: each time limit holds all the same."""

from __future__ import annotations

import gzip
import zlib

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy, with_timeouts
from fakes.scripts import json_message, message, opening
from fakes.steps import Body, Drip, Event, Head, Script, Status, Step, Stream
from fakes.stream_checks import complete_text, ending_of, text_of

GZIP_HEAD = b"\x1f\x8b\x08%c\0\0\0\0\0\x03"
GZIP = {"content-encoding": "gzip"}
CHUNKED = {"transfer-encoding": "chunked"}

EMPTY: dict[str, tuple[dict[str, str], list[Step]]] = {
    "a gzip header without an end": (GZIP, [Body(GZIP_HEAD % 8), Drip(b"a")]),
    "empty deflate blocks": (GZIP, [Body(GZIP_HEAD % 0), Drip(b"\x00\x00\x00\xff\xff")]),
    "empty gzip members": (GZIP, [Drip(gzip.compress(b""))]),
    "a chunk extension without an end": (CHUNKED, [Body(b"5;"), Drip(b"a")]),
    "a size of a chunk without an end": (CHUNKED, [Drip(b"0")]),
}
"""Header fields, and a body that arrives and holds nothing."""

EVENT_STREAM = {"content-type": "text/event-stream"}


def answering(status: int, kind: str) -> list[Step]:
    fields, steps = EMPTY[kind]
    return [Head(status, {**EVENT_STREAM, **fields} if status == 200 else fields), *steps]


@pytest.mark.parametrize("kind", EMPTY)
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("status", [200, 429, 400])
@async_test
async def test_a_drip_that_holds_nothing_fails_over(
    status: int, streamed: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("claude_proxy.proxy.attempt.ERROR_PATIENCE", 0.15)
    dripping, script = FakeProvider(answering(status, kind)), message("hello") if streamed else json_message("hello")
    first = with_timeouts(dripping, first_event=0.15, first_content=0.15, stall=0.15)
    async with running_proxy(first, FakeProvider(script)) as proxy:
        answer = await proxy.post(stream=streamed)
        assert answer.status == 200
        await answer.read()
        await dripping.wait_for_hang_ups()
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert [attempt.provider for attempt in account.attempts] == ["minimax", "moonshot"]


def compressed(*steps: Step) -> bytes:
    """Return events as the beginning of a gzip body, up to the last byte of the last event."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    events = b"".join(event.encode() for step in steps for event in _events_of(step))
    return packer.compress(events) + packer.flush(zlib.Z_SYNC_FLUSH)


def _events_of(step: Step) -> list[Event]:
    return [step] if isinstance(step, Event) else []


AFTER_CONTENT: dict[str, Script] = {
    "empty deflate blocks": [
        Stream(GZIP),
        Body(compressed(*opening("half"))),
        Drip(b"\x00\x00\x00\xff\xff"),
    ],
    "empty deflate blocks to the connection's end": [
        Head(200, {**EVENT_STREAM, **GZIP}),
        Body(compressed(*opening("half"))),
        Drip(b"\x00\x00\x00\xff\xff"),
    ],
    "a chunk extension": [
        Head(200, {**EVENT_STREAM, **CHUNKED}),
        *(
            Body(b"%x\r\n%b\r\n" % (len(event.encode()), event.encode()))
            for event in opening("half")[1:]
            if isinstance(event, Event)
        ),
        Body(b"5;"),
        Drip(b"a"),
    ],
}


@pytest.mark.parametrize("script", AFTER_CONTENT.values(), ids=AFTER_CONTENT.keys())
@async_test
async def test_a_drip_that_holds_nothing_after_content_stalls(script: Script) -> None:
    dripping = FakeProvider(script)
    async with running_proxy(with_timeouts(dripping, stall=0.15)) as proxy:
        events = await (await proxy.post()).all_events()
        await dripping.wait_for_hang_ups()
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert (text_of(events), ending_of(events)) == ("half", "error")
    assert account.ending is Ending.STALLED


@async_test
async def test_a_compressed_answer_of_several_members_is_relayed() -> None:
    body = b"".join(gzip.compress(compressed_event.encode()) for compressed_event in _all_events(message("hello")))
    async with running_proxy(FakeProvider([Status(200, body, {**EVENT_STREAM, **GZIP})])) as proxy:
        assert await complete_text(await proxy.post()) == "hello"


def _all_events(script: Script) -> list[Event]:
    events = list[Event]()
    for step in script:
        events += step.events() if hasattr(step, "events") else _events_of(step)
    return events
