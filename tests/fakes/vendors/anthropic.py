"""Anthropic: it knows its own signatures, where in which conversation it gave them, and every field of a request."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from fakes.server_connection import Request
from fakes.vendors.base import House, Refused, World, anthropic_error
from fakes.vendors.replies import Block, Said
from fakes.vendors.request_blocks import Body, Place, places, plain, results_of_nothing, unanswered_calls

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
MAX_CACHE_MARKS = 4


@dataclass(frozen=True, slots=True)
class Model:
    """What a model takes: which types of thinking, whether a tool may be forced, how much it says at most."""

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
    """Return what is known of a model, with or without the date in its name. Raises `Refused`."""
    found = MODELS.get(re.sub(r"-\d{8}$", "", name))
    if found is None:
        raise Refused(404, anthropic_error("not_found_error", f"model: {name}"))
    return found


class Claude(House):
    """Anthropic, for a console key in `x-api-key` or a plan's token in `Authorization`."""

    name = "anthropic"
    bearer = False

    def __init__(self, world: World | None = None, *, key: str = "", plan_token: str = "") -> None:
        super().__init__(world, key=key)
        self.plan_token = plan_token
        self.bound: dict[str, str] = {}
        """To each signature the model and the conversation up to it."""
        self.asked: dict[str, int] = {}
        """To each signature the number of the request that it answers."""

    def admit(self, request: Request) -> None:
        bearer = request.header("authorization")
        if bearer is None:
            return super().admit(request)
        if not self.plan_token or bearer != f"Bearer {self.plan_token}":
            raise Refused(401, anthropic_error("authentication_error", "Invalid bearer token"))
        if OAUTH not in betas_of(request):
            words = "OAuth authentication is currently not supported."
            raise Refused(401, anthropic_error("authentication_error", words))
        return None

    def unauthorized(self) -> Refused:
        return Refused(401, anthropic_error("authentication_error", "invalid x-api-key"))

    def check(self, body: Body, request: Request) -> None:
        if request.header("anthropic-version") is None:
            raise bad("anthropic-version: header is required")
        model, betas = model_of(body["model"]), betas_of(request)
        check_fields(body, betas)
        check_thinking(body, model)
        check_tools(body, betas)
        check_messages(body, betas)
        for place in places(body):
            check_block(place)
            self.check_signature(place, body)
        check_first_thought(body)
        check_pairs(body)
        if json.dumps(body).count('"cache_control": {') > MAX_CACHE_MARKS:
            raise bad("A maximum of 4 blocks with cache_control may be provided. Found more.")

    def check_signature(self, place: Place, body: Body) -> None:
        """A thinking block must be one of its own, unchanged, in the conversation that it was given in."""
        if place.kind not in ("thinking", "redacted_thinking"):
            return
        seal = place.block.get("signature" if place.kind == "thinking" else "data")
        if seal is None:
            raise bad(f"{place.path}.thinking.signature: Field required")
        if seal not in self.minted:
            raise bad(
                f"{place.path}: Invalid `{'signature' if place.kind == 'thinking' else 'data'}` in `{place.kind}` block"
            )
        if place.block.get("thinking", "") != self.minted[seal]:
            raise bad(
                f"{place.path}: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be "
                "modified. These blocks must remain as they were in the original response."
            )
        if self.bound[seal] != conversation(body, place.message):
            raise bad(f"{place.path}: this `thinking` block is bound to a different conversation")

    def utter(self, said: Said, body: Body) -> list[Block]:
        blocks = super().utter(said, body)
        if said.secret and self.is_thinking(body):
            data = self.signature(len(self.minted))
            self.minted[data] = ""
            self.bind(data, body)
            blocks.insert(0, {"type": "redacted_thinking", "data": data})
        return blocks

    def thought(self, text: str, body: Body) -> Block:
        omitted = body["thinking"].get("display") == "omitted"
        block = super().thought("" if omitted else text, body)
        self.bind(block["signature"], body)
        return block

    def bind(self, seal: str, body: Body) -> None:
        """Remember where a thought was had."""
        self.bound[seal] = conversation(body, len(body["messages"]))
        self.asked[seal] = len(self.taken) - 1

    def is_thinking(self, body: Body) -> bool:
        return "thinking" in body and super().is_thinking(body)

    def signature(self, number: int) -> str:
        return base64.b64encode(b"anthropic" + hashlib.sha256(b"%d" % number).digest() * 6).decode()

    def call_id(self, name: str, number: int) -> str:
        return f"toolu_01{len(self.taken):06}{number:02}Hq7"


def bad(message: str) -> Refused:
    return Refused(400, anthropic_error("invalid_request_error", message))


def betas_of(request: Request) -> set[str]:
    return {one.strip() for one in (request.header("anthropic-beta") or "").split(",")}


def conversation(body: Body, up_to: int) -> str:
    """Return what a thought is bound to: its model, and all that was said before it."""
    said = json.dumps(plain(body["messages"][:up_to]), sort_keys=True)
    return f"{body['model']} {hashlib.sha256(said.encode()).hexdigest()}"


def check_fields(body: Body, betas: set[str]) -> None:
    known = FIELDS | {field for field, beta in FIELDS_OF_BETAS.items() if beta in betas}
    for field in body:
        if field not in known:
            raise bad(f"{field}: Extra inputs are not permitted")


def check_thinking(body: Body, model: Model) -> None:
    kind = (body.get("thinking") or {}).get("type")
    if kind is not None and kind not in model.thinking:
        if kind == "adaptive":
            raise bad("adaptive thinking is not supported on this model")
        more = ' Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        raise bad(f'"thinking.type.{kind}" is not supported for this model.{more if kind == "enabled" else ""}')
    if kind == "enabled" and body["thinking"].get("budget_tokens", 0) < 1024:
        raise bad("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if kind == "enabled" and body["thinking"]["budget_tokens"] >= body["max_tokens"]:
        raise bad("`max_tokens` must be greater than `thinking.budget_tokens`.")
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if forced and (not model.may_force or kind in ("enabled", "adaptive")):
        raise bad("Thinking may not be enabled when tool_choice forces tool use.")
    if body["max_tokens"] > model.max_output:
        raise bad(
            f"max_tokens: {body['max_tokens']} > {model.max_output}, which is the maximum allowed number of output "
            f"tokens for {body['model']}"
        )


def check_tools(body: Body, betas: set[str]) -> None:
    for number, tool in enumerate(body.get("tools", [])):
        if "type" in tool and tool["type"] != "custom" and not SERVER_TOOLS.fullmatch(tool["type"]):
            raise bad(
                f"tools.{number}: Input tag '{tool['type']}' found using 'type' does not match any of the expected tags"
            )
        if "type" not in tool and "input_schema" not in tool:
            raise bad(f"tools.{number}.custom.input_schema: Field required")
        if "defer_loading" in tool and DEFERRING not in betas:
            raise bad(f"tools.{number}.custom.defer_loading: Extra inputs are not permitted")


def check_messages(body: Body, betas: set[str]) -> None:
    allowed = {"role", "content"} | {field for field, beta in MESSAGE_FIELDS_OF_BETAS.items() if beta in betas}
    for at, message in enumerate(body["messages"]):
        if message["role"] not in ("user", "assistant", "system"):
            raise bad(f"messages.{at}.role: Input should be 'user' or 'assistant'")
        if not message["content"]:
            words = "all messages must have non-empty content except for the optional final assistant message"
            raise bad(f"messages.{at}: {words}")
        for field in message.keys() - allowed:
            raise bad(f"messages.{at}.{field}: Extra inputs are not permitted")
    if body["messages"][0]["role"] != "user":
        raise bad('messages: first message must use the "user" role')
    if body["messages"][-1]["role"] == "assistant":
        raise bad(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )


def check_block(place: Place) -> None:
    kind, block = place.kind, place.block
    expected = BLOCKS[place.role if place.within is None else "tool_result"]
    if kind not in expected:
        tags = ", ".join(f"'{tag}'" for tag in sorted(expected))
        raise bad(
            f"{place.path}: Input tag '{kind}' found using 'type' does not match any of the expected tags: {tags}"
        )
    if kind == "text" and not block["text"].strip():
        raise bad("messages: text content blocks must be non-empty")
    for field in ("id", "tool_use_id"):
        if field in block and not CALL_ID.fullmatch(block[field]):
            raise bad(f"{place.path}.{kind}.{field}: String should match pattern '^[a-zA-Z0-9_-]+$'")
    if kind == "image" and block["source"].get("media_type") not in IMAGES:
        listed = "'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
        raise bad(f"{place.path}.image.source.base64.media_type: Input should be {listed}")


def check_first_thought(body: Body) -> None:
    """With manual thinking, the answer that waits for its tools' results must begin with a thought."""
    if (body.get("thinking") or {}).get("type") != "enabled":
        return
    at = max((at for at, one in enumerate(body["messages"]) if one["role"] == "assistant"), default=None)
    if at is None:
        return
    first, *_ = content = body["messages"][at]["content"]
    if any(block["type"] == "tool_use" for block in content) and "thinking" not in first["type"]:
        raise bad(
            f"messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{first['type']}`. "
            "When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the "
            "lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking blocks from "
            "previous turns. To avoid this requirement, disable `thinking`."
        )


def check_pairs(body: Body) -> None:
    for at, call in unanswered_calls(body):
        raise bad(
            f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {call}. Each "
            "`tool_use` block must have a corresponding `tool_result` block in the next message."
        )
    for at, number, call in results_of_nothing(body):
        raise bad(
            f"messages.{at}.content.{number}: unexpected `tool_use_id` found in `tool_result` blocks: {call}. Each "
            "`tool_result` block must have a corresponding `tool_use` block in the previous message."
        )


def seals(body: Body) -> Iterator[str]:
    """Yield the signatures of thoughts in a request, and what stands for those that are not readable."""
    for place in places(body):
        if "thinking" in place.kind:
            yield place.block.get("signature") or place.block.get("data") or ""
