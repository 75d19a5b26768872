"""Each fake provider refuses what the real one refuses, in its words, and takes what it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from fakes.client import StreamEvent
from fakes.server_connection import Request
from fakes.steps import Event, Script, Status, Text
from fakes.vendors.anthropic import Claude
from fakes.vendors.base import House, World
from fakes.vendors.conversation import BETAS, TOOLS, assembled, document, image, reference, text
from fakes.vendors.deepseek import DeepSeek
from fakes.vendors.minimax import MiniMax
from fakes.vendors.moonshot import Kimi
from fakes.vendors.replies import Said
from fakes.vendors.request_blocks import BILLING, Body, view
from fakes.vendors.single_quirk import Fireworks, Mimo, OpenRouter, SgLang
from fakes.vendors.zai import Glm

MODELS: dict[type[House], str] = {
    Claude: "claude-opus-5-5",
    MiniMax: "MiniMax-M3",
    Kimi: "kimi-k3",
    Glm: "glm-5.3",
    DeepSeek: "deepseek-v4-pro",
    Mimo: "mimo-v2.6-pro",
    Fireworks: "accounts/fireworks/models/glm",
    SgLang: "any",
    OpenRouter: "~z-ai/glm-latest",
}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a b"}


def ask(house: House, headers: Mapping[str, str] | None = None, **changes: Any) -> Script:
    """Send a short request, with changes to its fields; None leaves one out."""
    body = {
        "model": MODELS[type(house)],
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": "say hi"}],
        "stream": True,
        **changes,
    }
    key = {"x-api-key": house.key} if house.x_api_key else {"authorization": f"Bearer {house.key}"}
    key = {} if isinstance(house, SgLang) else key
    fields = {"anthropic-version": "2023-06-01", "anthropic-beta": BETAS, **(key if headers is None else headers)}
    raw = tuple((name.encode(), value.encode()) for name, value in fields.items())
    text = json.dumps({name: value for name, value in body.items() if value is not None})
    return house.respond(Request("POST", "/v1/messages?beta=true", raw, text.encode(), 0))


def refusal(script: Script) -> tuple[int, Any]:
    """Return the status and the body of an error."""
    [status] = script
    assert isinstance(status, Status)
    assert status.body is not None
    return status.code, json.loads(status.body)


def heard(script: Script) -> list[Body]:
    """Return the blocks of a streamed answer."""
    events = [step for step in script if isinstance(step, Event | Text)]
    each = [event for step in events for event in (step.events() if isinstance(step, Text) else [step])]
    return assembled(StreamEvent(event.name, dict(event.data)) for event in each)


def said_and_done(*content: Body, result: Body = RESULT, role: str = "") -> list[Body]:
    """Return a conversation with an assistant's message of these blocks, and a result behind it."""
    messages: list[Body] = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": list(content)},
        {"role": "user", "content": [result]},
    ]
    return [*messages, {"role": role, "content": "note"}] if role else messages


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
SYSTEM = [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]
ADAPTIVE = {"thinking": {"type": "adaptive"}}
FORCED = {"tools": TOOLS, "tool_choice": {"type": "any"}}
SEARCH = [{"type": "web_search_20250305", "name": "web_search", "max_uses": 8}]


def in_result(*content: Body) -> list[Body]:
    """Return a conversation whose last tool result holds these blocks."""
    return said_and_done(THOUGHT, CALL, result={**RESULT, "content": list(content)})


def told(*content: Body) -> list[Body]:
    return [{"role": "user", "content": list(content)}]


NOT_FOUND = ("model: kimi-k3", "Not found the model claude-opus-5-5 or Permission denied")
REFUSED: list[tuple[type[House], dict[str, Any], str]] = [
    (Claude, {"speed_up": 1}, "speed_up: Extra inputs are not permitted"),
    (Claude, {"model": "kimi-k3"}, NOT_FOUND[0]),
    (Claude, {"thinking": {"type": "disabled"}}, '"thinking.type.disabled" is not supported for this model.'),
    (Claude, {"thinking": {"type": "enabled", "budget_tokens": 1024}}, '"thinking.type.enabled" is not supported'),
    (Claude, {"model": "claude-haiku-4-5-20251001", **ADAPTIVE}, "adaptive thinking is not supported"),
    (Claude, FORCED, "Thinking may not be enabled when tool_choice forces tool use."),
    (Claude, {"max_tokens": 131_072}, "max_tokens: 131072 > 128000, which is the maximum"),
    (Claude, {"messages": said_and_done(THOUGHT, CALL)}, "messages.1.content.0: Invalid `signature` in"),
    (Claude, {"messages": told(text(" "))}, "messages: text content blocks must be non-empty"),
    (Claude, {"messages": told(text("a"), THOUGHT)}, "messages.0.content.1: Input tag 'thinking' found"),
    (Claude, {"messages": said_and_done(text("a"))}, "unexpected `tool_use_id` found in `tool_result` blocks"),
    (Claude, {"messages": [*said_and_done(CALL)[:2], SYSTEM[0]]}, "ids were found without `tool_result` blocks"),
    (Claude, {"messages": said_and_done({**CALL, "id": "functions.Bash:0"})}, "tool_use.id: String should match"),
    (Claude, {"messages": [SYSTEM[0], {"role": "assistant", "content": "so"}]}, "support assistant message prefill"),
    (MiniMax, {"messages": SYSTEM}, "invalid params, chat content has invalid message role: system (2013)"),
    (MiniMax, {"messages": told(document())}, "invalid params, chat content has unsupported type: document (2013)"),
    (MiniMax, {"messages": told(image()), "model": "MiniMax-M2.7"}, "unsupported type: image (2013)"),
    (MiniMax, {"tools": SEARCH}, "invalid params, function name or parameters is empty (2013)"),
    (MiniMax, {"messages": said_and_done(text("a"))}, "tool result's tool id(toolu_1) not found (2013)"),
    (MiniMax, {"temperature": 3}, "temperature"),
    (Kimi, {"model": "claude-opus-5-5"}, NOT_FOUND[1]),
    (Kimi, {"messages": in_result(reference("Bash"))}, "messages.2.content.0.content.0: Input tag 'tool_"),
    (Kimi, {"messages": told(document())}, "messages.0.content.0: Input tag 'document' found using 'type'"),
    (Kimi, {"temperature": 0.5}, "invalid temperature: only 1 is allowed"),
    (Kimi, {**ADAPTIVE, **FORCED}, "tool_choice 'specified' is incompatible with thinking enabled"),
    (Kimi, {"model": "kimi-k2.7-code", **ADAPTIVE}, "invalid thinking: only type=enabled is allowed"),
    (Glm, {"model": "kimi-k3"}, "Unknown Model, please check the model code."),
    (DeepSeek, {"messages": SYSTEM}, "messages[1].role: unknown variant `system`, expected `user` or `assistant`"),
    (DeepSeek, {"messages": told(document())}, "messages[0].content: unknown variant `document`, expected one of"),
    (DeepSeek, {"messages": told(image())}, "messages[0].content: unknown variant `image`, expected one of"),
    (DeepSeek, {"messages": in_result(image())}, "messages[2].content[0].content: unknown variant `image`, expec"),
    (DeepSeek, {"messages": in_result(reference("B"))}, "unknown variant `tool_reference`, expected `text`"),
    (DeepSeek, {"messages": said_and_done({"type": "redacted_thinking", "data": "x"}, CALL)}, "`redacted_thinking`"),
    (DeepSeek, {"messages": said_and_done(CALL)}, "The `content[].thinking` in the thinking mode must be passed ba"),
    (DeepSeek, ADAPTIVE, "thinking.type: unknown variant `adaptive`, expected `enabled` or `disabled`"),
    (DeepSeek, {"output_config": {"effort": "medium"}}, "output_config.effort: unknown variant `medium`, expected"),
    (DeepSeek, {"output_config": {"effort": "max"}, "thinking": {"type": "disabled"}}, "can not be used when"),
    (DeepSeek, {"model": "glm-5.3"}, "The supported API model names are deepseek-v4-pro or deepseek-flash"),
    (Mimo, {"messages": said_and_done(CALL)}, "reasoning_content is missing in assistant tool call message at index 1"),
    (OpenRouter, {"model": "glm-5.3"}, "glm-5.3 is not a valid model ID"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "changes", "words"), REFUSED)
def test_it_refuses_in_its_own_words(kind: type[House], changes: Mapping[str, Any], words: str) -> None:
    house = kind()
    code, body = refusal(ask(house, **changes))
    assert words in body["error"]["message"]
    assert code == (404 if words in NOT_FOUND else 400)
    assert house.taken == []


def test_glm_refuses_a_role_as_its_validator_does() -> None:
    code, body = refusal(ask(Glm(), messages=SYSTEM))
    assert code == 422
    [problem] = body["detail"]
    assert problem["loc"] == ["body", "messages", 1, "role"]
    assert problem["msg"] == "Input should be 'user' or 'assistant'"


def test_an_error_has_the_shape_that_the_real_one_has() -> None:
    shapes = {kind: refusal(ask(kind(), headers={}))[1] for kind in MODELS if kind is not SgLang}
    assert shapes[Claude]["error"] == {"type": "authentication_error", "message": "invalid x-api-key"}
    assert shapes[MiniMax]["error"]["http_code"] == "401"
    assert shapes[Glm]["error"]["type"] == "1000"
    assert shapes[DeepSeek]["error"]["code"] == "authentication_error"
    assert "type" not in shapes[DeepSeek]
    assert shapes[OpenRouter]["error"]["code"] == 401


@pytest.mark.parametrize("kind", MODELS)
def test_it_takes_its_own_answers_back(kind: type[House]) -> None:
    house = kind(World())
    house.says = lambda _: Said(("let me see",), "so", (("Bash", {"command": "ls"}),))
    asked = {"role": "user", "content": "go"}
    thinking = {"type": "enabled"} if kind is DeepSeek else {"type": "adaptive"}
    blocks = heard(ask(house, messages=[asked], thinking=thinking))
    [call] = [block["id"] for block in blocks if block["type"] == "tool_use"]
    answered = {"role": "user", "content": [{**RESULT, "tool_use_id": call}]}
    ask(house, messages=[asked, {"role": "assistant", "content": blocks}, answered], thinking=thinking)
    assert (len(house.taken), house.refused, house.offences) == (2, [], [])


def test_anthropic_knows_where_it_had_a_thought() -> None:
    house = Claude()
    house.says = lambda _: Said(("let me see",), "so", secret=True)
    asked, more = {"role": "user", "content": "go"}, {"role": "user", "content": "more"}
    blocks = heard(ask(house, messages=[asked], **ADAPTIVE))
    assert [block["type"] for block in blocks] == ["redacted_thinking", "thinking", "text"]
    answer = {"role": "assistant", "content": blocks}
    _, moved = refusal(ask(house, messages=[asked, asked, answer, more], **ADAPTIVE))
    assert "bound to a different conversation" in moved["error"]["message"]
    changed = {**answer, "content": [blocks[0], {**blocks[1], "thinking": "no"}]}
    _, edited = refusal(ask(house, messages=[asked, changed, more], **ADAPTIVE))
    assert "cannot be modified" in edited["error"]["message"]
    ask(house, messages=[asked, answer, more], **ADAPTIVE)
    assert len(house.taken) == 2


def test_anthropic_keeps_its_thoughts_to_itself_where_it_is_asked_to() -> None:
    house = Claude()
    house.says = lambda _: Said(("let me see",), "so")
    thought, _ = heard(ask(house, thinking={"type": "adaptive", "display": "omitted"}))
    assert thought["thinking"] == ""
    assert thought["signature"] in house.minted


def test_anthropic_wants_a_thought_first_where_thinking_is_manual() -> None:
    manual: dict[str, Any] = {
        "model": "claude-haiku-4-5",
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "max_tokens": 2000,
    }
    code, body = refusal(ask(Claude(), messages=said_and_done(CALL), **manual))
    assert code == 400
    assert "Expected `thinking` or `redacted_thinking`, but found `tool_use`" in body["error"]["message"]


def test_anthropic_takes_a_plans_token_with_its_beta_alone() -> None:
    house = Claude(plan_token="sk-ant-oat01-made-up")
    bearer = {"authorization": f"Bearer {house.plan_token}"}
    assert refusal(ask(house, headers=bearer))[0] == 401
    ask(house, headers={**bearer, "anthropic-beta": "oauth-2025-04-20"})
    assert len(house.taken) == 1


@pytest.mark.parametrize("kind", [MiniMax, Kimi, Glm, DeepSeek, Mimo, Fireworks, SgLang, OpenRouter])
def test_it_notes_what_is_anthropics_alone(kind: type[House]) -> None:
    house = kind()
    ask(house, system=[text(f"{BILLING} cc_version=1;"), text("you are")])
    assert house.offences == ["it was sent the billing block"]


def test_kimi_notes_thoughts_that_nobody_had() -> None:
    house = Kimi(world := World())
    ask(house, messages=said_and_done(THOUGHT, CALL))
    assert house.offences == ["messages.1.content.0 is a thought that nobody had"]
    world.thoughts.add("hm")
    ask(house, messages=said_and_done(THOUGHT, CALL))
    assert len(house.offences) == 1


def test_a_view_is_all_but_cache_marks() -> None:
    marked = {"messages": told({**text("a"), "cache_control": {"type": "ephemeral"}})}
    plain = {"messages": [{"role": "user", "content": "a"}]}
    assert view(marked) == view(plain)
    assert view(plain) != view({"messages": [{"role": "user", "content": "b"}]})
