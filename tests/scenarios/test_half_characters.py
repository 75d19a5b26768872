"""Half of a surrogate pair is valid JSON: text that was cut by UTF-16, as JavaScript does, holds it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.traits import Traits
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import configured, running_proxy
from fakes.scripts import (
    MESSAGE,
    MESSAGE_STOP,
    answers,
    block_delta,
    block_start,
    block_stop,
    message_delta,
    message_start,
    opening,
    stream_error,
    tool_use,
)
from fakes.steps import Cut, Status, Step, Stream
from fakes.stream_checks import complete_text

HALVES = {"high": "\ud83d", "low": "\ude00", "turned round": "\ude00\ud83d", "at the end of a text": "so \ud83d"}
PLACES: dict[str, Any] = {
    "text": {"messages": [{"role": "user", "content": "{}"}]},
    "block": {"messages": [{"role": "user", "content": [{"type": "text", "text": "{}"}]}]},
    "tool result": {
        "messages": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a:1", "name": "Read", "input": {"x": "{}"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a:1", "content": "{}"}]},
        ]
    },
    "system": {"system": [{"type": "text", "text": "x-anthropic-billing-header: {}"}, {"type": "text", "text": "{}"}]},
    "role system": {"messages": [{"role": "user", "content": "hi"}, {"role": "system", "content": "{}"}]},
    "tool": {"tools": [{"name": "Read", "description": "{}", "input_schema": {"type": "object"}}]},
    "unknown field": {"a new field": {"{}": "{}"}},
    "model": {"model": "{}"},
}


def filled(value: Any, half: str) -> Any:
    return json.loads(json.dumps(value).replace("{}", json.dumps(half)[1:-1]))


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@async_test
async def test_a_request_with_half_a_character_is_answered(place: Any, half: str) -> None:
    fake = FakeProvider(answers("hello"))
    claude = configured(fake, traits=Traits(is_anthropic=True))
    async with running_proxy(claude) as proxy:
        assert await complete_text(await proxy.post(**filled(place, half))) == "hello"
    sent = fake.requests[0].json()
    whole = half.replace("\ud83d", "\ufffd").replace("\ude00", "\ufffd")
    assert whole in json.dumps(sent, ensure_ascii=False)
    assert all(ord(character) < 0xD800 or ord(character) > 0xDFFF for character in json.dumps(sent, ensure_ascii=False))


@async_test
async def test_whole_characters_and_backslashes_stay_byte_for_byte() -> None:
    fake = FakeProvider(answers("hello"))
    kept = rb"\ud83d\ude00 \\ud83d \\\\uDE00 \\\ud83d\ude00"
    body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"%b %b"}]}'
    async with running_proxy(fake) as proxy:
        answer = await proxy.ask("POST", "/v1/messages", body % (kept, rb"\\\ud83d"))
        assert await complete_text(answer) == "hello"
    assert fake.requests[0].body == body % (kept, rb"\\\ufffd")


@async_test
async def test_what_differs_in_half_a_character_alone_stays_the_same_from_turn_to_turn() -> None:
    fake = FakeProvider(answers("hello"))
    first = [{"role": "user", "content": "a \ud83d"}]
    async with running_proxy(fake) as proxy:
        await complete_text(await proxy.post(messages=first))
        await complete_text(await proxy.post(messages=[*first, {"role": "assistant", "content": "b"}, *first]))
    before, after = [request.json()["messages"] for request in fake.requests]
    assert after[: len(before)] == before


@async_test
async def test_a_whole_answer_with_half_a_character_is_relayed() -> None:
    body = json.dumps({**MESSAGE, "content": [{"type": "text", "text": "so \ud83d"}]}).encode()
    async with running_proxy(FakeProvider([Status(200, body)])) as proxy:
        answer = await proxy.post(stream=False)
        assert (answer.status, await answer.read()) == (200, body)
        [account] = await proxy.ledger.wait_for_accounts(1)
        assert (account.usage.input_tokens, account.usage.output_tokens) == (3, 5)


@async_test
async def test_an_emoji_cut_between_two_events_reaches_the_client_whole() -> None:
    script = [*opening("so \ud83d"), block_delta("text_delta", "text", "\ude00"), block_stop(), message_delta()]
    async with running_proxy(FakeProvider([*script, MESSAGE_STOP])) as proxy:
        assert await complete_text(await proxy.post()) == "so \ud83d\ude00"


@async_test
async def test_a_tool_call_with_half_a_character_in_its_input_is_whole() -> None:
    async with running_proxy(FakeProvider(tool_use("Write", {"content": "so \ud83d"}))) as proxy:
        events = await (await proxy.post()).all_events()
    pieces = [event.data["delta"]["partial_json"] for event in events if "partial_json" in str(event.data)]
    assert json.loads("".join(pieces)) == {"content": "so \ud83d"}
    assert events[-1].name == "message_stop"


@async_test
async def test_a_tool_calls_pieces_may_cut_a_character_that_is_not_escaped() -> None:
    script: list[Step] = [
        *(Stream(), message_start(), block_start({"type": "tool_use", "id": "t", "name": "Write", "input": {}})),
        *(block_delta("input_json_delta", "partial_json", piece) for piece in ('{"a":"\ud83d', '\ude00"}')),
        *(block_stop(), message_delta("tool_use"), MESSAGE_STOP),
    ]
    async with running_proxy(FakeProvider(script)) as proxy:
        events = await (await proxy.post()).all_events()
    assert events[-1].name == "message_stop"
    assert sum("input_json_delta" in str(event.data) for event in events) == 2


@async_test
async def test_an_answer_that_dies_behind_half_a_character_goes_on() -> None:
    dies = FakeProvider([*opening("One sentence. \ud83d Another sentence."), Cut()], answers("hello"))
    async with running_proxy(dies) as proxy:
        assert "hello" in await complete_text(await proxy.post())
    assert "\ufffd" in json.dumps(dies.requests[1].json(), ensure_ascii=False)


@pytest.mark.parametrize("streamed", [True, False], ids=["event", "body"])
@async_test
async def test_an_error_with_half_a_character_is_an_error(*, streamed: bool) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no \ud83d"}}
    event = stream_error("invalid_request_error", "no \ud83d")
    script: list[Step] = [Stream(), event] if streamed else [Status(400, json.dumps(error).encode())]
    async with running_proxy(FakeProvider(script)) as proxy:
        answer = await proxy.post()
        assert answer.status == 400
        assert (await answer.json())["error"]["message"] == "no \ud83d"
