"""A conversation as Claude Code keeps and sends it: the fields, headers and cache marks of its version 2.1.330."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from fakes.client import Answer, StreamEvent
from fakes.vendors.request_blocks import Block, Body

SESSION = "f93c3fcb-685e-4246-a2a4-28f4376897e3"
BETAS = (
    "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,per-turn-control-2026-07-01,"
    "mid-conversation-tool-changes-2026-07-01,thinking-token-count-2026-05-13,advanced-tool-use-2025-11-20,"
    "effort-2025-11-24"
)
HEADERS = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": BETAS,
    "x-claude-code-session-id": SESSION,
    "user-agent": "claude-cli/2.1.330 (external, sdk-cli)",
    "x-app": "cli",
}
MARK = {"type": "ephemeral"}

# a PNG of one pixel
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def image() -> Block:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}


def document() -> Block:
    return {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"}}


def reference(tool: str) -> Block:
    return {"type": "tool_reference", "tool_name": tool}


def _tool(name: str, *fields: str, **more: object) -> Block:
    schema = {"type": "object", "properties": {field: {"type": "string"} for field in fields}}
    return {"name": name, "description": f"The tool {name}.", "input_schema": schema, **more}


TOOLS = [
    _tool("Bash", "command", "description"),
    _tool("Read", "file_path"),
    _tool("ToolSearch", "query"),
    _tool("WebFetch", "url", "prompt", defer_loading=True),
    _tool("DeferredToolPlaceholder", defer_loading=True),
    _tool("Write", "file_path", "content"),
]


class Conversation:
    """A session: `add_user_turn` and `add_answer` extend it, and `body` is its next request."""

    def __init__(
        self,
        model: str = "claude-opus-5-5",
        thinking: Mapping[str, Any] = MappingProxyType({"type": "adaptive", "display": "omitted"}),
        max_tokens: int = 128_000,
        streaming: bool = True,
    ) -> None:
        self.model = model
        self.thinking = thinking
        self.max_tokens = max_tokens
        self.streaming = streaming
        self.messages: list[Body] = []
        self.requests = 0

    def add_user_turn(self, *blocks: Block, results: Iterable[object] = (), note: str = "") -> None:
        """Add a user's turn: results of the waiting calls in their order, blocks, and a note as a system message."""
        content = [
            {"tool_use_id": call, "type": "tool_result", **_result(result)}
            for call, result in zip(self.waiting, results, strict=True)
        ]
        self.messages.append({"role": "user", "content": [*content, *blocks]})
        if note:
            self.messages.append({"role": "system", "content": note, "output_config": {"effort": "medium"}})

    @property
    def waiting(self) -> list[str]:
        """The ids of the tool calls that wait for their results."""
        if not self.messages or self.messages[-1]["role"] != "assistant":
            return []
        return [block["id"] for block in self.messages[-1]["content"] if block["type"] == "tool_use"]

    def body(self) -> Body:
        """Return the next request. Its billing block and its cache marks differ from those of the request before."""
        self.requests += 1
        billing = f"x-anthropic-billing-header: cc_version=2.1.330.4a1; cc_entrypoint=cli; cch={self.requests:05x};"
        return {
            "model": self.model,
            "messages": [*self.messages[:-1], _marked(self.messages[-1])],
            "system": [
                text(billing),
                {**text("You are a Claude agent, built on Anthropic's Claude Agent SDK."), "cache_control": MARK},
                {**text("You are an agent working with the user toward their goals."), "cache_control": MARK},
            ],
            "tools": TOOLS,
            "metadata": {"user_id": json.dumps({"device_id": "0cd98e25", "account_uuid": "", "session_id": SESSION})},
            "max_tokens": self.max_tokens,
            "thinking": dict(self.thinking),
            "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
            "output_config": {"effort": "medium"},
            "stream": self.streaming,
        }

    async def add_answer(self, answer: Answer) -> None:
        """Add an answer, assembled from its stream if it is one."""
        blocks = assemble(await answer.all_events()) if self.streaming else (await answer.json())["content"]
        self.messages.append({"role": "assistant", "content": blocks})


def assemble(events: Iterable[StreamEvent]) -> list[Block]:
    """Return the content blocks of a stream."""
    blocks: list[Block] = []
    pieces = ""
    for event in events:
        match event.name:
            case "content_block_start":
                assert event.data["index"] == len(blocks)
                blocks.append(dict(event.data["content_block"]))
                pieces = ""
            case "content_block_delta":
                pieces += _take(blocks[-1], event.data["delta"])
            case "content_block_stop" if pieces:
                blocks[-1]["input"] = json.loads(pieces)
    return blocks


def _take(block: Block, delta: Block) -> str:
    match delta["type"]:
        case "input_json_delta":
            return str(delta["partial_json"])
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "text_delta":
            block["text"] += delta["text"]
    return ""


def _result(result: object) -> Body:
    return {"content": "it failed", "is_error": True} if result is None else {"content": result}


def _marked(message: Body) -> Body:
    """Return a message with a cache mark on its last block. A text becomes a block, as in Claude Code."""
    content = message["content"]
    *before, last = [text(content)] if isinstance(content, str) else content
    return {**message, "content": [*before, {**last, "cache_control": MARK}]}
