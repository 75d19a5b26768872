"""A request's messages and blocks, with their positions, as a provider that validates them reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
Block = dict[str, Any]

BILLING = "x-anthropic-billing-header:"


@dataclass(frozen=True, slots=True)
class LocatedBlock:
    """A content block, with the numbers of its message, of itself, and within a tool result if it is in one."""

    message: int
    number: int
    within: int | None
    role: str
    block: Block

    @property
    def kind(self) -> str:
        return str(self.block["type"])

    @property
    def path(self) -> str:
        """Its position as Anthropic writes it."""
        inner = "" if self.within is None else f".content.{self.within}"
        return f"messages.{self.message}.content.{self.number}{inner}"


def as_blocks(content: str | list[Block]) -> list[Block]:
    """Return content as blocks: a text is one."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def located_blocks(body: Body) -> Iterator[LocatedBlock]:
    """Yield each block of each message, and after a tool result the blocks in it."""
    for at, message in enumerate(body["messages"]):
        for number, block in enumerate(as_blocks(message["content"])):
            yield LocatedBlock(at, number, None, message["role"], block)
            if block["type"] == "tool_result":
                for within, inner in enumerate(as_blocks(block.get("content", []))):
                    yield LocatedBlock(at, number, within, message["role"], inner)


def without_cache_control(value: Any) -> Any:
    """Return a part of a request without `cache_control`, all content as blocks: what a prompt cache compares."""
    if isinstance(value, list):
        return [without_cache_control(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: without_cache_control(one) for name, one in value.items() if name != "cache_control"}
    if isinstance(kept.get("content"), str):
        kept["content"] = as_blocks(kept["content"])
    return kept


def prompt_parts(body: Body) -> list[Any]:
    """Return what a provider reads of a request, in its order. If an earlier part changes, the prompt cache is lost.

    Tools come first, then the system prompt, then each message's own fields and its blocks. The billing block, which
    only Anthropic may see, is not a part.
    """
    system = [block for block in as_blocks(body.get("system", [])) if not block["text"].startswith(BILLING)]
    read = [
        without_cache_control(body.get("thinking")),
        without_cache_control(body.get("tools", [])),
        *without_cache_control(system),
    ]
    for message in without_cache_control(body["messages"]):
        content = message.pop("content")
        read += [message, *content]
    return read


def unanswered_calls(body: Body) -> Iterator[tuple[int, str]]:
    """Yield the message and the id of each tool call without a result in the user's next message."""
    messages = _spoken(body)
    for (at, message), (_, following) in zip(messages, [*messages[1:], (-1, {"content": []})], strict=True):
        results = {one["tool_use_id"] for one in _of_kind(following, "tool_result")}
        for call in _of_kind(message, "tool_use"):
            if call["id"] not in results:
                yield at, call["id"]


def repeated_calls(body: Body) -> Iterator[tuple[int, str]]:
    """Yield the message and the id of each tool call that has the id of an earlier one."""
    seen = set[str]()
    for at, message in enumerate(body["messages"]):
        for call in _of_kind(message, "tool_use"):
            if call["id"] in seen:
                yield at, call["id"]
            seen.add(call["id"])


def orphaned_results(body: Body) -> Iterator[tuple[int, int, str]]:
    """Yield message, number and id of each tool result that answers no call of the message before it."""
    messages = _spoken(body)
    for (_, before), (at, message) in zip([(-1, {"content": []}), *messages[:-1]], messages, strict=True):
        calls = {one["id"] for one in _of_kind(before, "tool_use")}
        for number, block in enumerate(as_blocks(message["content"])):
            if block["type"] == "tool_result" and block["tool_use_id"] not in calls:
                yield at, number, block["tool_use_id"]


def call_ids(body: Body) -> set[str]:
    """Return the ids of all tool calls."""
    return {block["id"] for message in body["messages"] for block in _of_kind(message, "tool_use")}


def has_billing_block(body: Body) -> bool:
    """Whether Claude Code's billing block is in the system prompt."""
    return any(block["text"].startswith(BILLING) for block in as_blocks(body.get("system", [])))


def _spoken(body: Body) -> list[tuple[int, Body]]:
    return [(at, message) for at, message in enumerate(body["messages"]) if message["role"] != "system"]


def _of_kind(message: Body, kind: str) -> list[Block]:
    return [block for block in as_blocks(message["content"]) if block["type"] == kind]
