"""What providers have been seen to say, and which rule it teaches; what is the user's own fault teaches none."""

from __future__ import annotations

import json

import pytest

from core.refused_requests import EXTRA, PLAIN, anthropic_error, rules_from, sent_request

SERDE = "Failed to deserialize the JSON body into the target type: "
BETA = "Unexpected value(s) `effort-2025-11-24` for the `anthropic-beta` header. Please try again without the header."
QWEN = (
    'event:error\ndata:{"code":"InvalidParameter","message":"Only \'enabled\' and \'disabled\' are supported for '
    "thinking; 'adaptive' is not supported.\"}\n\n"
)


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        # fields
        (f"context_management: {EXTRA}", "field:context_management"),
        (f"Error from provider (Anthropic): context_management: {EXTRA}.", "field:context_management"),
        (f"context_management.edits.0.clear_thinking_20251015.keep: {EXTRA}", "field:context_management"),
        (
            "context_management.edits.0: Input tag 'x' found using 'type' does not match any of the expected tags",
            "field:context_management",
        ),
        (f"output_config: {EXTRA}", "field:output_config.effort"),
        (f"output_config.effort: {EXTRA}", "field:output_config.effort"),
        ("output_config.effort: Input should be 'low', 'medium' or 'max'", "field:output_config.effort"),
        ("output_config.effort: unknown variant `high`, expected `low`", "field:output_config.effort"),
        ("service_tier: invalid value: `auto`", "field:service_tier"),
        ("This model does not support the effort parameter.", "field:output_config.effort"),
        (f"thinking.adaptive.display: {EXTRA}", "field:thinking.display"),
        (f"thinking: {EXTRA}", "field:thinking"),
        ("This model does not support thinking", "field:thinking"),
        (f"metadata.user_id: {EXTRA}", "field:metadata.user_id"),
        ("`temperature` is deprecated for this model.", "field:temperature"),
        ("invalid temperature: only 1 is allowed for this model", "field:temperature"),
        ("`temperature` and `top_p` cannot both be specified for this model. Please use only one.", "field:top_p"),
        (f"{SERDE}unknown field `context_management`, expected one of `model`", "field:context_management"),
        (f"{SERDE}output_config: unknown field `effort`, expected `format` at line 1", "field:output_config.effort"),
        ('json: unknown field "context_management"', "field:context_management"),
        ("Unknown parameter: 'context_management'.", "field:context_management"),
        ("Unrecognized request argument supplied: context_management", "field:context_management"),
        ("Unrecognized key(s) in object: 'context_management'", "field:context_management"),
        ("Additional properties are not allowed ('metadata' was unexpected)", "field:metadata"),
        ("create() got an unexpected keyword argument 'context_management'", "field:context_management"),
        ("Unsupported parameter: 'thinking.display' is not supported with this model.", "field:thinking.display"),
        (f"{EXTRA}, field: 'context_management'", "field:context_management"),
        ("不支持参数 service_tier", "field:service_tier"),
        ("参数 service_tier 不支持", "field:service_tier"),
        # the largest answer
        ("max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens", "max_output:8192"),
        ("max_tokens: Input should be less than or equal to 4096", "max_output:4096"),
        # tools and marks
        (f"tools.1.custom.defer_loading: {EXTRA}", "tool_field:defer_loading"),
        (f"{SERDE}tools[1]: unknown field `defer_loading`, expected one of `name`", "tool_field:defer_loading"),
        ("unknown field `defer_loading`", "tool_field:defer_loading"),
        (f"system.0.cache_control.ephemeral.scope: {EXTRA}", "mark:cache_control.scope"),
        (f"messages.1.content.0.thinking.cache_control: {EXTRA}", "mark:cache_control"),
        (f"{EXTRA}, field: 'messages[0].cache_control'", "mark:cache_control"),
        # betas
        (BETA, "beta:effort-2025-11-24"),
        ('Unexpected beta header "effort-2025-11-24"', "beta:effort-2025-11-24"),
        ("invalid beta flag", "beta:*"),
        ("The long context beta is not yet available for this subscription.", "beta:context-1m-2025-08-07"),
        # roles
        (
            f"{SERDE}messages[1].role: unknown variant `system`, expected `user` or `assistant` at line 1 column 9",
            "role:system",
        ),
        ('messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter', "role:system"),
        ("System messages are not allowed", "role:system"),
        ("System role not supported", "role:system"),
        ("System message must be at the beginning.", "role:system"),
        ("[1214] Incorrect role information", "role:system"),
        ("角色信息不正确", "role:system"),
        ("Conversation roles must alternate user/assistant/user/assistant/...", "role:system"),
        (
            "The parameter `messages.role` specified in the request are not valid: invalid value: `system`",
            "role:system",
        ),
        # the type of thinking
        (
            "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled'",
            "thinking_mode:adaptive",
        ),
        ("adaptive thinking is not supported on this model", "thinking_mode:adaptive"),
        ("thinking.type: Input should be 'enabled' or 'disabled'", "thinking_mode:adaptive"),
        (f"{SERDE}thinking.type: unknown variant `adaptive`, expected `enabled`", "thinking_mode:adaptive"),
        (
            "The parameter `thinking.type` specified in the request are not valid: invalid value: `adaptive`",
            "thinking_mode:adaptive",
        ),
        (QWEN, "thinking_mode:adaptive"),
        # blocks
        ("Model only support text input", "block:image"),
        ("this model does not support image input (ref: b8bd)", "block:image"),
        ("/models/some_instruct is not a multimodal model", "block:image"),
        (f"{SERDE}messages[6]: unknown variant `image_url`, expected `text` at line 1 column 9", "block:image"),
        ("Image input is not supported by this model", "block:image"),
        ("This model does not support images of any kind", "block:image"),
        ("该模型不支持图片输入", "block:image"),
        ("This model does not support PDF documents", "block:document"),
        (
            "messages.3.content.1: Input tag 'document' found using 'type' does not match any of the expected tags",
            "block:document",
        ),
        ("messages.3.content.0.tool_result.content.1: unknown variant `tool_reference`", "block:tool_reference"),
        ("messages[2]: unknown variant `thinking`, expected `text`", "thinking:all"),
        # thinking of others
        ("messages.1.content.0: Invalid `signature` in `thinking` block", "thinking:unknown"),
        ("Unable to submit request because Thought signature is not valid.. Learn more", "thinking:unknown"),
        ("messages.1.content.0.thinking.signature: Field required", "thinking:unknown"),
        (f"messages.1.content.0.thinking.signature: {EXTRA}", "thinking:unknown"),
        (
            "Invalid `signature` in `thinking` block. The block is bound to a different conversation. Remove the block",
            "!thinking:all",
        ),
        (
            "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.",
            "!thinking:all",
        ),
        ("非法请求", "!thinking:all"),
        ("illegal request", "!thinking:all"),
        # thinking that must come back
        (
            "The `content[].thinking` in the thinking mode must be passed back to the API.",
            "requires:thinking_on_tool_turns",
        ),
        (
            "The reasoning_content in the thinking mode must be passed back to the API.",
            "requires:thinking_on_tool_turns",
        ),
        (
            "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
            "requires:thinking_on_tool_turns",
        ),
        # ids of tool calls
        ("messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'", "requires:plain_call_ids"),
        ("messages.5.content.1: `tool_use` ids must be unique", "requires:plain_call_ids"),
        ("tool_use ids must be unique", "requires:plain_call_ids"),
        ("Duplicate value for 'tool_call_id' of 'call_0' in message[4]", "requires:plain_call_ids"),
        ("duplicate tool call id: list_dir:0", "requires:plain_call_ids"),
        (
            "messages.4: each tool_use must have a single result. Found multiple `tool_result` blocks with id: a",
            "requires:plain_call_ids",
        ),
    ],
)
def test_learns_from_what_providers_say(message: str, rule: str) -> None:
    assert rules_from(anthropic_error(message)) == [rule]
    openai = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": "400"}}
    assert rules_from(json.dumps(openai).encode()) == [rule]
    assert rules_from(message.encode()) == [rule]
    # what is complained of does not stand in this one
    assert rules_from(anthropic_error(message), sent_request(PLAIN, betas="")) == []


@pytest.mark.parametrize(
    ("thinking", "message", "rules"),
    [
        (
            {"type": "enabled", "budget_tokens": 1024},
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" instead.',
            ["thinking_mode:enabled"],
        ),
        ({"type": "disabled"}, "thinking cannot be disabled for this model", ["thinking_mode:disabled"]),
        ({"type": "disabled"}, "thinking: Input tag 'disabled' found using 'type'", ["thinking_mode:disabled"]),
        (
            {"type": "adaptive"},
            "invalid thinking: only type=enabled is allowed for this model",
            ["thinking_mode:adaptive", "thinking_mode:disabled"],
        ),
        ({"type": "enabled"}, "invalid thinking: only type=enabled is allowed for this model", []),
        ({"type": "adaptive"}, '"thinking.type.enabled" is not supported for this model.', []),
        ({"type": "adaptive"}, "thinking cannot be disabled for this model", []),
        ({"type": "disabled"}, "thinking is not what it was", []),
        ({"type": "other"}, "thinking cannot be disabled for this model", []),
        ({"type": 5}, "thinking cannot be disabled for this model", []),
    ],
)
def test_learns_the_type_of_thinking(thinking: object, message: str, rules: list[str]) -> None:
    assert rules_from(anthropic_error(message), sent_request(thinking=thinking)) == rules


@pytest.mark.parametrize(
    "message",
    [
        "Expected `thinking` or `redacted_thinking`, but found `tool_use`.",
        "a final `assistant` message must start with a thinking block",
    ],
)
def test_drops_all_thinking_if_a_tool_call_lacks_it(message: str) -> None:
    rules = ["!field:thinking", "!thinking:all"]
    assert rules_from(anthropic_error(message)) == rules
    bare = [{"role": "user", "content": "hi"}]
    assert rules_from(anthropic_error(message), sent_request(messages=bare)) == rules
    assert rules_from(anthropic_error(message), sent_request(thinking=None)) == []


def test_drops_thinking_blocks_whether_or_not_thinking_is_on() -> None:
    for message in ("illegal request", "Invalid `signature` in `thinking` block"):
        error = anthropic_error(message)
        assert rules_from(error, sent_request(thinking=None)) == rules_from(error) != []
        assert rules_from(error, sent_request(messages=[])) == []


@pytest.mark.parametrize(
    "message",
    [
        "messages: at least one message is required",
        "max_tokens: Field required",
        "max_tokens: 200000 > 128000, which is the maximum allowed number of output tokens for this model",
        "prompt is too long: 1050000 tokens > 1000000 maximum",
        "input length and `max_tokens` exceed context limit",
        "tools.0.custom.input_schema: JSON schema is invalid. It must match draft 2020-12: unknown keyword `strict`",
        "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
        "tools: Tool names must be unique.",
        "messages.4: `tool_use` ids were found without `tool_result` blocks immediately after: t1.",
        "messages.1.content.0.text.citations: Extra inputs are not permitted",
        "temperature: Input should be less than or equal to 1",
        "temperature: range: 0..1",
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        "`max_tokens` must be greater than `thinking.budget_tokens`.",
        "messages.3.content.0.image.source.base64: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes",
        "messages.3.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png'",
        "Image format is not supported: image/tiff",
        "Could not process image",
        "SVG images are not supported",
        "This model does not support images larger than 20 MB",
        "does not support image of webp format",
        "This model does not support PDF documents with more than 100 pages",
        "stop_sequences: each stop sequence must contain non-whitespace",
        "unknown field `stop_sequences`",
        "unknown field `tools`",
        "tool_choice.tool: Tool 'x' not found in provided tools",
        "This model does not support assistant message prefill. The conversation must end with a user message.",
        "Your credit balance is too low to access the API.",
        "model: no such model",
        "messages[1].role: unknown variant `tool`, expected something else",
        "output_config.format: Extra inputs are not permitted",
        "context_management.edits.0.keep: must be greater than 0",
        "Unknown model. Betas are a fine thing",
        "Please use one of the betas",
        "The anthropic-beta effort-2025-11-24 is required",
        "invalid params",
        "",
    ],
)
def test_learns_nothing_from_the_users_own_mistakes(message: str) -> None:
    assert rules_from(anthropic_error(message)) == []
    assert rules_from(message.encode()) == []
