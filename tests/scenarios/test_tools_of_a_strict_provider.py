"""Tools that one provider refuses are written as it takes them, and the answer names them as the client does."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from claude_proxy.config.catalogue import catalogue
from fakes.async_test import async_test
from fakes.client import StreamEvent
from fakes.provider import FakeProvider
from fakes.proxy import configured, running_proxy
from fakes.scripts import MESSAGE, json_answer, opening, tool_use
from fakes.server_connection import Request
from fakes.steps import Cut, Script

ANY_OF = {"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
NAME = "3d.view/of everything that a server with a long name has, whatever it may be"
TOOLS = [{"name": "Read", "input_schema": {"type": "object"}}, {"name": NAME, "input_schema": ANY_OF}]
MOONSHOT = (
    "tools.function.parameters is not a valid moonshot flavored json schema, details: <At path 'root': when using "
    "anyOf, type should be defined in anyOf items instead of the parent schema>"
)
BAD_NAME = "Invalid request: function name is invalid, must start with a letter and can contain letters, numbers"


def error(message: str) -> Script:
    return json_answer(400, {"type": "error", "error": {"type": "invalid_request_error", "message": message}})


def has_both(value: Any) -> bool:
    if isinstance(value, dict):
        return {"type", "anyOf"} <= value.keys() or any(map(has_both, value.values()))
    return isinstance(value, list) and any(map(has_both, value))


def names_in(body: dict[str, Any]) -> set[str]:
    blocks = [block for one in body["messages"] if isinstance(one["content"], list) for block in one["content"]]
    used = {block["name"] for block in blocks if block["type"] == "tool_use"}
    return used | {tool["name"] for tool in body["tools"]}


def moonshot(*, schemas: bool = True, names: bool = True) -> Callable[[Request], Script]:
    """Answer with a call of the last tool, as a provider that checks schemas and names."""

    def answer(request: Request) -> Script:
        body = request.json()
        if schemas and any(has_both(tool["input_schema"]) for tool in body["tools"]):
            return error(MOONSHOT)
        if names and not all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}", name) for name in names_in(body)):
            return error(BAD_NAME)
        call = {"type": "tool_use", "id": "t", "name": body["tools"][-1]["name"], "input": {"a": 1}}
        if body.get("stream"):
            return tool_use(call["name"], {"a": 1})
        return json_answer(200, {**MESSAGE, "content": [call], "stop_reason": "tool_use"})

    return answer


def called(events: list[StreamEvent]) -> list[str]:
    assert events[-1].name == "message_stop"
    return [event.data["content_block"]["name"] for event in events if event.name == "content_block_start"]


@pytest.mark.parametrize("known", [True, False], ids=["known beforehand", "learned"])
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("refused", [{"names": False}, {"schemas": False}], ids=["schemas", "names"])
@async_test
async def test_a_tool_that_is_refused_is_called_by_its_own_name(
    refused: dict[str, bool], *, known: bool, streamed: bool
) -> None:
    fake = FakeProvider(moonshot(**refused))
    preset = catalogue().by_id("moonshot")
    assert preset is not None
    entry = configured(fake, traits=preset.traits) if known else configured(fake)
    async with running_proxy(entry) as proxy:
        for turn in range(2):
            answer = await proxy.post(tools=TOOLS, stream=streamed, tool_choice={"type": "tool", "name": NAME})
            assert answer.status == 200, await answer.read()
            if streamed:
                assert called(await answer.all_events()) == [NAME]
            else:
                assert [block["name"] for block in (await answer.json())["content"]] == [NAME]
            assert len(fake.requests) == turn + (1 if known else 2)
    assert fake.requests[-1].json()["tool_choice"]["name"] == fake.requests[-1].json()["tools"][-1]["name"]


@async_test
async def test_calls_of_earlier_turns_are_renamed_and_each_turn_begins_as_the_one_before() -> None:
    fake = FakeProvider(moonshot())
    preset = catalogue().by_id("moonshot")
    assert preset is not None
    messages: list[dict[str, Any]] = [{"role": "user", "content": "go"}]
    async with running_proxy(configured(fake, traits=preset.traits)) as proxy:
        for turn in range(3):
            assert called(await (await proxy.post(tools=TOOLS, messages=messages)).all_events()) == [NAME]
            call = {"type": "tool_use", "id": f"t{turn}", "name": NAME, "input": {"a": 1}}
            result = {"type": "tool_result", "tool_use_id": f"t{turn}", "content": "ok"}
            messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    bodies = [request.json() for request in fake.requests]
    for before, after in itertools.pairwise(bodies):
        assert (after["tools"], after["messages"][: len(before["messages"])]) == (before["tools"], before["messages"])


@async_test
async def test_the_next_provider_gets_the_tools_as_they_are() -> None:
    first, second = FakeProvider([Cut()]), FakeProvider(moonshot(schemas=False, names=False))
    preset = catalogue().by_id("moonshot")
    assert preset is not None
    async with running_proxy(configured(first, traits=preset.traits), second) as proxy:
        assert called(await (await proxy.post(tools=TOOLS)).all_events()) == [NAME]
    assert second.requests[0].json()["tools"] == TOOLS


@async_test
async def test_an_answer_that_goes_on_elsewhere_keeps_the_clients_names() -> None:
    first = FakeProvider([*opening("One sentence. Another one."), Cut()], moonshot())
    preset = catalogue().by_id("moonshot")
    assert preset is not None
    async with running_proxy(configured(first, traits=preset.traits)) as proxy:
        events = await (await proxy.post(tools=TOOLS)).all_events()
    calls = [event.data["content_block"].get("name") for event in events if event.name == "content_block_start"]
    assert calls[-1] == NAME


@async_test
async def test_what_cannot_be_written_in_another_way_is_relayed_and_status_names_the_tool() -> None:
    message = "tools.1.custom.input_schema: JSON schema is invalid, $ref cannot be resolved"
    fake = FakeProvider(error(message))
    async with running_proxy(fake) as proxy:
        answer = await proxy.post(tools=TOOLS)
        assert (answer.status, json.loads(await answer.read())["error"]["message"]) == (400, message)
        text = (await proxy.status())["minimax"]["last_error"]["text"]
    assert text.startswith(f"tool {NAME[:64]}: ")
    assert len(fake.requests) == 1


@pytest.mark.parametrize("streamed", [True, False], ids=["asked for a stream", "asked for a message"])
@async_test
async def test_an_answer_in_the_other_form_has_the_clients_names_too(*, streamed: bool) -> None:
    def other_form(request: Request) -> Script:
        body = request.json() | {"stream": not streamed}
        call = {"type": "tool_use", "id": "t", "name": body["tools"][-1]["name"], "input": {"a": 1}}
        if body["stream"]:
            return tool_use(call["name"], {"a": 1})
        return json_answer(200, {**MESSAGE, "content": [call], "stop_reason": "tool_use"})

    preset = catalogue().by_id("moonshot")
    assert preset is not None
    async with running_proxy(configured(FakeProvider(other_form), traits=preset.traits)) as proxy:
        answer = await proxy.post(tools=TOOLS, stream=streamed)
        if streamed:
            assert called(await answer.all_events()) == [NAME]
        else:
            assert [block["name"] for block in (await answer.json())["content"]] == [NAME]
