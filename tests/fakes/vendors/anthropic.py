"""Anthropic: it checks its own signatures, the conversation that they are bound to, and every field of a request."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from fakes.server_connection import Request
from fakes.vendors.base import SharedThinking, Vendor, VendorError, anthropic_error
from fakes.vendors.replies import Block, ModelReply
from fakes.vendors.request_blocks import (
    Body,
    LocatedBlock,
    located_blocks,
    orphaned_results,
    repeated_calls,
    unanswered_calls,
    without_cache_control,
)

FIELDS = {
    *("model", "messages", "system", "tools", "tool_choice", "metadata", "max_tokens", "stop_sequences", "stream"),
    *("temperature", "top_k", "top_p", "thinking", "service_tier", "container", "output_config"),
}
FIELDS_OF_BETAS = {"context_management": "context-management-2025-06-27", "mcp_servers": "mcp-client-2025-11-20"}
MESSAGE_FIELDS_OF_BETAS = {"output_config": "per-turn-control-2026-07-01"}
DEFERRING = "advanced-tool-use-2025-11-20"
OAUTH = "oauth-2025-04-20"

BLOCKS = {
    "user": {"text", "image", "document", "search_result", "tool_result"},
    "assistant": {"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result"},
    "system": {"text"},
    "tool_result": {"text", "image", "document", "search_result", "tool_reference"},
}
IMAGES = {"image/jpeg", "image/png", "image/gif", "image/webp"}
SERVER_TOOLS = re.compile(r"(web_search|web_fetch|bash|text_editor|code_execution|memory|tool_search_tool\w*)_\d{8}")
CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
MAX_CACHE_CONTROL = 4


@dataclass(frozen=True, slots=True)
class Model:
    """What a model accepts: types of thinking, whether a tool may be forced, its maximum output."""

    thinking: frozenset[str]
    may_force: bool = True
    max_output: int = 128_000


MODELS = {
    "claude-fable-5-1": Model(frozenset({"adaptive"})),
    "claude-opus-5-5": Model(frozenset({"adaptive"}), may_force=False),
    "claude-sonnet-5-5": Model(frozenset({"adaptive", "disabled"})),
    "claude-haiku-5-5": Model(frozenset({"adaptive", "disabled"})),
    "claude-opus-5": Model(frozenset({"adaptive", "disabled"})),
    "claude-haiku-4-5": Model(frozenset({"enabled", "disabled"}), max_output=64_000),
}


def model_of(name: str) -> Model:
    """Return what is known of a model, with or without the date in its name. Raises `VendorError`."""
    found = MODELS.get(re.sub(r"-\d{8}$", "", name))
    if found is None:
        raise VendorError(404, anthropic_error("not_found_error", f"model: {name}"))
    return found


class Anthropic(Vendor):
    """Anthropic, for a console key in `x-api-key` or a plan's token in `Authorization`."""

    name = "anthropic"
    bearer = False

    def __init__(self, shared_thinking: SharedThinking | None = None, *, key: str = "", plan_token: str = "") -> None:
        super().__init__(shared_thinking, key=key)
        self.plan_token = plan_token
        self.conversation_of: dict[str, str] = {}
        """The model and the conversation up to it, for each signature."""
        self.request_of: dict[str, int] = {}
        """The number of the request that was answered with it, for each signature."""

    def authenticate(self, request: Request) -> None:
        bearer = request.header("authorization")
        if bearer is None:
            return super().authenticate(request)
        if not self.plan_token or bearer != f"Bearer {self.plan_token}":
            raise VendorError(401, anthropic_error("authentication_error", "Invalid bearer token"))
        if OAUTH not in betas_of(request):
            words = "OAuth authentication is currently not supported."
            raise VendorError(401, anthropic_error("authentication_error", words))
        return None

    def unauthorized_error(self) -> VendorError:
        return VendorError(401, anthropic_error("authentication_error", "invalid x-api-key"))

    def check(self, body: Body, request: Request) -> None:
        if request.header("anthropic-version") is None:
            raise invalid_request("anthropic-version: header is required")
        model, betas = model_of(body["model"]), betas_of(request)
        check_fields(body, betas)
        check_thinking(body, model)
        check_tools(body, betas)
        check_messages(body, betas)
        for located in located_blocks(body):
            check_block(located)
            self.check_signature(located, body)
        check_thinking_first(body)
        check_calls_and_results(body)
        if json.dumps(body).count('"cache_control": {') > MAX_CACHE_CONTROL:
            raise invalid_request("A maximum of 4 blocks with cache_control may be provided. Found more.")

    def check_signature(self, located: LocatedBlock, body: Body) -> None:
        """Raise `VendorError` unless a thinking block is its own, unchanged, and in its own conversation."""
        if located.kind not in ("thinking", "redacted_thinking"):
            return
        field = "signature" if located.kind == "thinking" else "data"
        signature = located.block.get(field)
        if signature is None:
            raise invalid_request(f"{located.path}.thinking.signature: Field required")
        if signature not in self.signed_thinking:
            raise invalid_request(f"{located.path}: Invalid `{field}` in `{located.kind}` block")
        if located.block.get("thinking", "") != self.signed_thinking[signature]:
            raise invalid_request(
                f"{located.path}: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be "
                "modified. These blocks must remain as they were in the original response."
            )
        if self.conversation_of[signature] != conversation(body, located.message):
            raise invalid_request(f"{located.path}: this `thinking` block is bound to a different conversation")

    def reply_blocks(self, reply: ModelReply, body: Body) -> list[Block]:
        blocks = super().reply_blocks(reply, body)
        if reply.redacted and self.is_thinking(body):
            data = self.signature(len(self.signed_thinking))
            self.signed_thinking[data] = ""
            self.bind(data, body)
            blocks.insert(0, {"type": "redacted_thinking", "data": data})
        return blocks

    def thinking_block(self, text: str, body: Body) -> Block:
        omitted = body["thinking"].get("display") == "omitted"
        block = super().thinking_block("" if omitted else text, body)
        self.bind(block["signature"], body)
        return block

    def bind(self, signature: str, body: Body) -> None:
        """Remember the conversation and the request that a signature belongs to."""
        self.conversation_of[signature] = conversation(body, len(body["messages"]))
        self.request_of[signature] = len(self.accepted) - 1

    def is_thinking(self, body: Body) -> bool:
        return "thinking" in body and super().is_thinking(body)

    def signature(self, number: int) -> str:
        return base64.b64encode(b"anthropic" + hashlib.sha256(b"%d" % number).digest() * 6).decode()

    def call_id(self, name: str, number: int) -> str:
        return f"toolu_01{len(self.accepted):06}{number:02}Hq7"


def invalid_request(message: str) -> VendorError:
    return VendorError(400, anthropic_error("invalid_request_error", message))


def betas_of(request: Request) -> set[str]:
    return {one.strip() for one in (request.header("anthropic-beta") or "").split(",")}


def conversation(body: Body, up_to: int) -> str:
    """Return what a signature is bound to: the model, and all that comes before it."""
    said = json.dumps(without_cache_control(body["messages"][:up_to]), sort_keys=True)
    return f"{body['model']} {hashlib.sha256(said.encode()).hexdigest()}"


def check_fields(body: Body, betas: set[str]) -> None:
    known = FIELDS | {field for field, beta in FIELDS_OF_BETAS.items() if beta in betas}
    for field in body:
        if field not in known:
            raise invalid_request(f"{field}: Extra inputs are not permitted")


def check_thinking(body: Body, model: Model) -> None:
    kind = (body.get("thinking") or {}).get("type")
    if kind is not None and kind not in model.thinking:
        if kind == "adaptive":
            raise invalid_request("adaptive thinking is not supported on this model")
        more = ' Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        raise invalid_request(
            f'"thinking.type.{kind}" is not supported for this model.{more if kind == "enabled" else ""}'
        )
    if kind == "enabled" and body["thinking"].get("budget_tokens", 0) < 1024:
        raise invalid_request("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if kind == "enabled" and body["thinking"]["budget_tokens"] >= body["max_tokens"]:
        raise invalid_request("`max_tokens` must be greater than `thinking.budget_tokens`.")
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if forced and (not model.may_force or kind in ("enabled", "adaptive")):
        raise invalid_request("Thinking may not be enabled when tool_choice forces tool use.")
    if body["max_tokens"] > model.max_output:
        raise invalid_request(
            f"max_tokens: {body['max_tokens']} > {model.max_output}, which is the maximum allowed number of output "
            f"tokens for {body['model']}"
        )


def check_tools(body: Body, betas: set[str]) -> None:
    for number, tool in enumerate(body.get("tools", [])):
        if "type" in tool and tool["type"] != "custom" and not SERVER_TOOLS.fullmatch(tool["type"]):
            raise invalid_request(
                f"tools.{number}: Input tag '{tool['type']}' found using 'type' does not match any of the expected tags"
            )
        if "type" not in tool and "input_schema" not in tool:
            raise invalid_request(f"tools.{number}.custom.input_schema: Field required")
        if "defer_loading" in tool and DEFERRING not in betas:
            raise invalid_request(f"tools.{number}.custom.defer_loading: Extra inputs are not permitted")


def check_messages(body: Body, betas: set[str]) -> None:
    allowed = {"role", "content"} | {field for field, beta in MESSAGE_FIELDS_OF_BETAS.items() if beta in betas}
    for at, message in enumerate(body["messages"]):
        if message["role"] not in ("user", "assistant", "system"):
            raise invalid_request(f"messages.{at}.role: Input should be 'user' or 'assistant'")
        if not message["content"]:
            words = "all messages must have non-empty content except for the optional final assistant message"
            raise invalid_request(f"messages.{at}: {words}")
        for field in message.keys() - allowed:
            raise invalid_request(f"messages.{at}.{field}: Extra inputs are not permitted")
    if body["messages"][0]["role"] != "user":
        raise invalid_request('messages: first message must use the "user" role')
    if body["messages"][-1]["role"] == "assistant":
        raise invalid_request(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )


def check_block(located: LocatedBlock) -> None:
    kind, block = located.kind, located.block
    expected = BLOCKS[located.role if located.within is None else "tool_result"]
    if kind not in expected:
        tags = ", ".join(f"'{tag}'" for tag in sorted(expected))
        raise invalid_request(
            f"{located.path}: Input tag '{kind}' found using 'type' does not match any of the expected tags: {tags}"
        )
    if kind == "text" and not block["text"].strip():
        raise invalid_request("messages: text content blocks must be non-empty")
    for field in ("id", "tool_use_id"):
        if field in block and not CALL_ID.fullmatch(block[field]):
            raise invalid_request(f"{located.path}.{kind}.{field}: String should match pattern '^[a-zA-Z0-9_-]+$'")
    if kind == "image" and block["source"].get("media_type") not in IMAGES:
        listed = "'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
        raise invalid_request(f"{located.path}.image.source.base64.media_type: Input should be {listed}")


def check_thinking_first(body: Body) -> None:
    """With manual thinking, an answer whose tool calls wait for results must begin with thinking."""
    if (body.get("thinking") or {}).get("type") != "enabled":
        return
    at = max((at for at, one in enumerate(body["messages"]) if one["role"] == "assistant"), default=None)
    if at is None:
        return
    first, *_ = content = body["messages"][at]["content"]
    if any(block["type"] == "tool_use" for block in content) and "thinking" not in first["type"]:
        raise invalid_request(
            f"messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{first['type']}`. "
            "When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the "
            "lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking blocks from "
            "previous turns. To avoid this requirement, disable `thinking`."
        )


def check_calls_and_results(body: Body) -> None:
    for at, call in repeated_calls(body):
        raise invalid_request(f"messages.{at}: `tool_use` ids must be unique: {call}")
    for at, call in unanswered_calls(body):
        raise invalid_request(
            f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {call}. Each "
            "`tool_use` block must have a corresponding `tool_result` block in the next message."
        )
    for at, number, call in orphaned_results(body):
        raise invalid_request(
            f"messages.{at}.content.{number}: unexpected `tool_use_id` found in `tool_result` blocks: {call}. Each "
            "`tool_result` block must have a corresponding `tool_use` block in the previous message."
        )


def signatures(body: Body) -> Iterator[str]:
    """Yield the signatures of thinking in a request, and the data of those that are redacted."""
    for located in located_blocks(body):
        if "thinking" in located.kind:
            yield located.block.get("signature") or located.block.get("data") or ""
