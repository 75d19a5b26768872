"""Each fake provider rejects what the real one rejects, with the same errors, and accepts the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from fakes.client import StreamEvent
from fakes.server_connection import Request
from fakes.steps import Event, Script, Status, Text
from fakes.vendors.anthropic import Anthropic
from fakes.vendors.base import SharedThinking, Vendor
from fakes.vendors.conversation import BETAS, TOOLS, assemble, document, image, reference, text
from fakes.vendors.deepseek import DeepSeek
from fakes.vendors.minimax import MiniMax
from fakes.vendors.moonshot import Moonshot
from fakes.vendors.replies import ModelReply
from fakes.vendors.request_blocks import BILLING, Body, prompt_parts
from fakes.vendors.single_quirk import Fireworks, Mimo, OpenRouter, SgLang
from fakes.vendors.zai import Zai

MODELS: dict[type[Vendor], str] = {
    Anthropic: "claude-opus-5-5",
    MiniMax: "MiniMax-M3",
    Moonshot: "kimi-k3",
    Zai: "glm-5.3",
    DeepSeek: "deepseek-v4-pro",
    Mimo: "mimo-v2.6-pro",
    Fireworks: "accounts/fireworks/models/glm",
    SgLang: "any",
    OpenRouter: "~z-ai/glm-latest",
}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a b"}


def ask(vendor: Vendor, headers: Mapping[str, str] | None = None, **changes: Any) -> Script:
    """Send a short request, with changes to its fields; None leaves one out."""
    body = {
        "model": MODELS[type(vendor)],
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": "say hi"}],
        "stream": True,
        **changes,
    }
    key = {"x-api-key": vendor.key} if vendor.x_api_key else {"authorization": f"Bearer {vendor.key}"}
    key = {} if isinstance(vendor, SgLang) else key
    fields = {"anthropic-version": "2023-06-01", "anthropic-beta": BETAS, **(key if headers is None else headers)}
    raw = tuple((name.encode(), value.encode()) for name, value in fields.items())
    text = json.dumps({name: value for name, value in body.items() if value is not None})
    return vendor.respond(Request("POST", "/v1/messages?beta=true", raw, text.encode(), 0))


def rejection(script: Script) -> tuple[int, Any]:
    """Return the status and the body of an error."""
    [status] = script
    assert isinstance(status, Status)
    assert status.body is not None
    return status.code, json.loads(status.body)


def blocks_of(script: Script) -> list[Body]:
    """Return the blocks of a streamed answer."""
    events = [step for step in script if isinstance(step, Event | Text)]
    each = [event for step in events for event in (step.events() if isinstance(step, Text) else [step])]
    return assemble(StreamEvent(event.name, dict(event.data)) for event in each)


def with_result(*content: Body, result: Body = RESULT, role: str = "") -> list[Body]:
    """Return a conversation with an assistant's message of these blocks, and a result after it."""
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
    return with_result(THOUGHT, CALL, result={**RESULT, "content": list(content)})


def user(*content: Body) -> list[Body]:
    return [{"role": "user", "content": list(content)}]


NOT_FOUND = ("model: kimi-k3", "Not found the model claude-opus-5-5 or Permission denied")
REJECTED: list[tuple[type[Vendor], dict[str, Any], str]] = [
    (Anthropic, {"speed_up": 1}, "speed_up: Extra inputs are not permitted"),
    (Anthropic, {"model": "kimi-k3"}, NOT_FOUND[0]),
    (Anthropic, {"thinking": {"type": "disabled"}}, '"thinking.type.disabled" is not supported for this model.'),
    (Anthropic, {"thinking": {"type": "enabled", "budget_tokens": 1024}}, '"thinking.type.enabled" is not supported'),
    (Anthropic, {"model": "claude-haiku-4-5-20251001", **ADAPTIVE}, "adaptive thinking is not supported"),
    (Anthropic, FORCED, "Thinking may not be enabled when tool_choice forces tool use."),
    (Anthropic, {"max_tokens": 131_072}, "max_tokens: 131072 > 128000, which is the maximum"),
    (Anthropic, {"messages": with_result(THOUGHT, CALL)}, "messages.1.content.0: Invalid `signature` in"),
    (Anthropic, {"messages": user(text(" "))}, "messages: text content blocks must be non-empty"),
    (Anthropic, {"messages": user(text("a"), THOUGHT)}, "messages.0.content.1: Input tag 'thinking' found"),
    (Anthropic, {"messages": with_result(text("a"))}, "unexpected `tool_use_id` found in `tool_result` blocks"),
    (Anthropic, {"messages": [*with_result(CALL)[:2], SYSTEM[0]]}, "ids were found without `tool_result` blocks"),
    (Anthropic, {"messages": with_result({**CALL, "id": "functions.Bash:0"})}, "tool_use.id: String should match"),
    (Anthropic, {"messages": [SYSTEM[0], {"role": "assistant", "content": "so"}]}, "support assistant message prefill"),
    (MiniMax, {"messages": SYSTEM}, "invalid params, chat content has invalid message role: system (2013)"),
    (MiniMax, {"messages": user(document())}, "invalid params, chat content has unsupported type: document (2013)"),
    (MiniMax, {"messages": user(image()), "model": "MiniMax-M2.7"}, "unsupported type: image (2013)"),
    (MiniMax, {"tools": SEARCH}, "invalid params, function name or parameters is empty (2013)"),
    (MiniMax, {"messages": with_result(text("a"))}, "tool result's tool id(toolu_1) not found (2013)"),
    (MiniMax, {"temperature": 3}, "temperature"),
    (Moonshot, {"model": "claude-opus-5-5"}, NOT_FOUND[1]),
    (Moonshot, {"messages": in_result(reference("Bash"))}, "messages.2.content.0.content.0: Input tag 'tool_"),
    (Moonshot, {"messages": user(document())}, "messages.0.content.0: Input tag 'document' found using 'type'"),
    (Moonshot, {"temperature": 0.5}, "invalid temperature: only 1 is allowed"),
    (Moonshot, {**ADAPTIVE, **FORCED}, "tool_choice 'specified' is incompatible with thinking enabled"),
    (Moonshot, {"model": "kimi-k2.7-code", **ADAPTIVE}, "invalid thinking: only type=enabled is allowed"),
    (Zai, {"model": "kimi-k3"}, "Unknown Model, please check the model code."),
    (DeepSeek, {"messages": SYSTEM}, "messages[1].role: unknown variant `system`, expected `user` or `assistant`"),
    (DeepSeek, {"messages": user(document())}, "messages[0].content: unknown variant `document`, expected one of"),
    (DeepSeek, {"messages": user(image())}, "messages[0].content: unknown variant `image`, expected one of"),
    (DeepSeek, {"messages": in_result(image())}, "messages[2].content[0].content: unknown variant `image`, expec"),
    (DeepSeek, {"messages": in_result(reference("B"))}, "unknown variant `tool_reference`, expected `text`"),
    (DeepSeek, {"messages": with_result({"type": "redacted_thinking", "data": "x"}, CALL)}, "`redacted_thinking`"),
    (DeepSeek, {"messages": with_result(CALL)}, "The `content[].thinking` in the thinking mode must be passed ba"),
    (DeepSeek, ADAPTIVE, "thinking.type: unknown variant `adaptive`, expected `enabled` or `disabled`"),
    (DeepSeek, {"output_config": {"effort": "medium"}}, "output_config.effort: unknown variant `medium`, expected"),
    (DeepSeek, {"output_config": {"effort": "max"}, "thinking": {"type": "disabled"}}, "can not be used when"),
    (DeepSeek, {"model": "glm-5.3"}, "The supported API model names are deepseek-v4-pro or deepseek-flash"),
    (Mimo, {"messages": with_result(CALL)}, "reasoning_content is missing in assistant tool call message at index 1"),
    (OpenRouter, {"model": "glm-5.3"}, "glm-5.3 is not a valid model ID"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "changes", "message"), REJECTED)
def test_rejects_a_request_with_the_providers_own_error(
    kind: type[Vendor], changes: Mapping[str, Any], message: str
) -> None:
    vendor = kind()
    code, body = rejection(ask(vendor, **changes))
    assert message in body["error"]["message"]
    assert code == (404 if message in NOT_FOUND else 400)
    assert vendor.accepted == []


def test_zai_rejects_the_system_role_with_a_validation_error() -> None:
    code, body = rejection(ask(Zai(), messages=SYSTEM))
    assert code == 422
    [problem] = body["detail"]
    assert problem["loc"] == ["body", "messages", 1, "role"]
    assert problem["msg"] == "Input should be 'user' or 'assistant'"


def test_an_unauthorized_error_has_the_form_of_the_real_one() -> None:
    shapes = {kind: rejection(ask(kind(), headers={}))[1] for kind in MODELS if kind is not SgLang}
    assert shapes[Anthropic]["error"] == {"type": "authentication_error", "message": "invalid x-api-key"}
    assert shapes[MiniMax]["error"]["http_code"] == "401"
    assert shapes[Zai]["error"]["type"] == "1000"
    assert shapes[DeepSeek]["error"]["code"] == "authentication_error"
    assert "type" not in shapes[DeepSeek]
    assert shapes[OpenRouter]["error"]["code"] == 401


@pytest.mark.parametrize("kind", MODELS)
def test_accepts_its_own_answers_in_the_next_request(kind: type[Vendor]) -> None:
    vendor = kind(SharedThinking())
    vendor.reply = lambda _: ModelReply(("let me see",), "so", (("Bash", {"command": "ls"}),))
    asked = {"role": "user", "content": "go"}
    thinking = {"type": "enabled"} if kind is DeepSeek else {"type": "adaptive"}
    blocks = blocks_of(ask(vendor, messages=[asked], thinking=thinking))
    [call] = [block["id"] for block in blocks if block["type"] == "tool_use"]
    answered = {"role": "user", "content": [{**RESULT, "tool_use_id": call}]}
    ask(vendor, messages=[asked, {"role": "assistant", "content": blocks}, answered], thinking=thinking)
    assert (len(vendor.accepted), vendor.errors, vendor.violations) == (2, [], [])


def test_anthropic_rejects_thinking_of_another_conversation() -> None:
    vendor = Anthropic()
    vendor.reply = lambda _: ModelReply(("let me see",), "so", redacted=True)
    asked, more = {"role": "user", "content": "go"}, {"role": "user", "content": "more"}
    blocks = blocks_of(ask(vendor, messages=[asked], **ADAPTIVE))
    assert [block["type"] for block in blocks] == ["redacted_thinking", "thinking", "text"]
    answer = {"role": "assistant", "content": blocks}
    _, moved = rejection(ask(vendor, messages=[asked, asked, answer, more], **ADAPTIVE))
    assert "bound to a different conversation" in moved["error"]["message"]
    changed = {**answer, "content": [blocks[0], {**blocks[1], "thinking": "no"}]}
    _, edited = rejection(ask(vendor, messages=[asked, changed, more], **ADAPTIVE))
    assert "cannot be modified" in edited["error"]["message"]
    ask(vendor, messages=[asked, answer, more], **ADAPTIVE)
    assert len(vendor.accepted) == 2


def test_anthropic_omits_thinking_when_asked_to() -> None:
    vendor = Anthropic()
    vendor.reply = lambda _: ModelReply(("let me see",), "so")
    thought, _ = blocks_of(ask(vendor, thinking={"type": "adaptive", "display": "omitted"}))
    assert thought["thinking"] == ""
    assert thought["signature"] in vendor.signed_thinking


def test_anthropic_requires_thinking_first_when_thinking_is_manual() -> None:
    manual: dict[str, Any] = {
        "model": "claude-haiku-4-5",
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "max_tokens": 2000,
    }
    code, body = rejection(ask(Anthropic(), messages=with_result(CALL), **manual))
    assert code == 400
    assert "Expected `thinking` or `redacted_thinking`, but found `tool_use`" in body["error"]["message"]


def test_anthropic_accepts_a_plans_token_only_with_its_beta() -> None:
    vendor = Anthropic(plan_token="sk-ant-oat01-made-up")
    bearer = {"authorization": f"Bearer {vendor.plan_token}"}
    assert rejection(ask(vendor, headers=bearer))[0] == 401
    ask(vendor, headers={**bearer, "anthropic-beta": "oauth-2025-04-20"})
    assert len(vendor.accepted) == 1


@pytest.mark.parametrize("kind", [MiniMax, Moonshot, Zai, DeepSeek, Mimo, Fireworks, SgLang, OpenRouter])
def test_notes_a_billing_block_as_a_violation(kind: type[Vendor]) -> None:
    vendor = kind()
    ask(vendor, system=[text(f"{BILLING} cc_version=1;"), text("you are")])
    assert vendor.violations == ["it was sent the billing block"]


def test_moonshot_notes_invented_thinking_as_a_violation() -> None:
    vendor = Moonshot(shared_thinking := SharedThinking())
    ask(vendor, messages=with_result(THOUGHT, CALL))
    assert vendor.violations == ["messages.1.content.0 is thinking of no provider"]
    shared_thinking.texts.add("hm")
    ask(vendor, messages=with_result(THOUGHT, CALL))
    assert len(vendor.violations) == 1


def test_prompt_parts_leave_out_cache_control() -> None:
    marked = {"messages": user({**text("a"), "cache_control": {"type": "ephemeral"}})}
    without_cache_control = {"messages": [{"role": "user", "content": "a"}]}
    assert prompt_parts(marked) == prompt_parts(without_cache_control)
    assert prompt_parts(without_cache_control) != prompt_parts({"messages": [{"role": "user", "content": "b"}]})
