"""A stream whose first events no client can read is no answer: the next provider is asked."""

from __future__ import annotations

import json

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import (
    MESSAGE_STOP,
    PING,
    block_delta,
    block_start,
    block_stop,
    message,
    message_delta,
    message_start,
)
from fakes.steps import Body, Event, Script, Stall, Step, Stream, text_delta
from fakes.stream_checks import complete_text

TEXT_BLOCK = block_start({"type": "text", "text": ""})
BEGUN: tuple[Step, ...] = (Stream(), message_start(), TEXT_BLOCK)
DELTA = json.dumps({"type": "content_block_delta", **text_delta("hi").data}).encode()


def event(name: bytes, data: bytes) -> Body:
    return Body(b"event: " + name + b"\ndata: " + data + b"\n\n")


NONSENSE: dict[str, Script] = {
    "HTML in place of content": [*BEGUN, event(b"content_block_delta", b"<html><body>Bad gateway</body></html>")],
    "half of the JSON": [*BEGUN, event(b"content_block_delta", DELTA[:-9])],
    "a list": [*BEGUN, event(b"content_block_delta", b"[" + DELTA + b"]")],
    "null": [*BEGUN, event(b"content_block_delta", b"null")],
    "no data": [*BEGUN, event(b"content_block_delta", b"")],
    "the name in another case": [*BEGUN, event(b"Content_Block_Delta", DELTA)],
    "the type in another case": [*BEGUN, event(b"content_block_delta", DELTA.replace(b"content", b"Content"))],
    "NUL in the name": [*BEGUN, event(b"content_block_delta\0", DELTA)],
    "NUL in the data": [*BEGUN, event(b"content_block_delta", DELTA + b"\0")],
    "another type than its name says": [*BEGUN, event(b"content_block_delta", b'{"type":"ping"}')],
    "another name than its type says": [*BEGUN, event(b"message_stop", DELTA)],
    "content without a name of that type": [*BEGUN, event(b"delta", DELTA)],
    "content before message_start": [Stream(), TEXT_BLOCK, text_delta("hi"), message_delta(), MESSAGE_STOP],
    "content only": [Stream(), text_delta("hi"), message_delta(), MESSAGE_STOP],
    "content before its block": [Stream(), message_start(), text_delta("hi"), message_delta(), MESSAGE_STOP],
    "content of another block": [*BEGUN, text_delta("hi", index=7)],
    "a message_start that is HTML": [Stream(), event(b"message_start", b"<html>"), TEXT_BLOCK, text_delta("hi")],
    "a message_start without a message": [Stream(), Event("message_start"), TEXT_BLOCK, text_delta("hi")],
    "a stop reason before message_start": [Stream(), message_delta(), MESSAGE_STOP],
    "an end before message_start": [Stream(), MESSAGE_STOP],
    "a stop reason in half of the JSON": [
        Stream(),
        message_start(),
        event(b"message_delta", b'{"type":"message_delta","delta":{"stop_reason":"end_turn"}'),
    ],
}


@pytest.mark.parametrize("script", NONSENSE.values(), ids=NONSENSE)
@async_test
async def test_what_no_client_can_read_is_no_answer(script: Script) -> None:
    first = FakeProvider([*script, Stall()])
    async with running_proxy(first, FakeProvider(message("hello"))) as proxy:
        answer = await proxy.post()
        assert await complete_text(answer) == "hello"
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=malformed, moonshot=200"
        report = (await proxy.status())["minimax"]
    assert (report["state"], report["strikes"]) == ("cooldown", 1)


READABLE: dict[str, Script] = {
    "pings and comments before it": [Stream(), PING, Body(b": hi\n\n"), *message("hello")[1:]],
    "an unknown event": [Stream(), Event("news", {"of": "today"}), *message("hello")[1:]],
    "a ping without JSON": [Stream(), event(b"ping", b""), *message("hello")[1:]],
    "an unknown kind of delta first": [
        *BEGUN,
        block_delta("news_delta", "news", "x"),
        block_stop(),
        *message("hello")[4:],
    ],
}


@pytest.mark.parametrize("script", READABLE.values(), ids=READABLE)
@async_test
async def test_what_clients_skip_is_relayed_with_the_answer(script: Script) -> None:
    async with running_proxy(FakeProvider(script)) as proxy:
        body = await (await proxy.post()).read()
    assert body.endswith(MESSAGE_STOP.encode())
