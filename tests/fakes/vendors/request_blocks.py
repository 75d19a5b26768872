"""A request's messages and blocks, with their places, as a provider that checks them reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
Block = dict[str, Any]

BILLING = "x-anthropic-billing-header:"


@dataclass(frozen=True, slots=True)
class Place:
    """A content block: the number of its message, its own, and its number within a tool result where it is in one."""

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
        """Its place in Anthropic's way of writing it."""
        inner = "" if self.within is None else f".content.{self.within}"
        return f"messages.{self.message}.content.{self.number}{inner}"


def as_blocks(content: str | list[Block]) -> list[Block]:
    """Return content as blocks: a text is one."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def places(body: Body) -> Iterator[Place]:
    """Yield each block of each message, and behind a tool result those that are in it."""
    for at, message in enumerate(body["messages"]):
        for number, block in enumerate(as_blocks(message["content"])):
            yield Place(at, number, None, message["role"], block)
            if block["type"] == "tool_result":
                for within, inner in enumerate(as_blocks(block.get("content", []))):
                    yield Place(at, number, within, message["role"], inner)


def plain(value: Any) -> Any:
    """Return a part of a request without its cache marks, all content as blocks: what a prompt cache goes by."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: plain(one) for name, one in value.items() if name != "cache_control"}
    if isinstance(kept.get("content"), str):
        kept["content"] = as_blocks(kept["content"])
    return kept


def view(body: Body) -> list[Any]:
    """Return what a provider reads of a request, in its order: what went before stays as it was, or its cache is lost.

    Tools come first, then the system prompt, then each message's own fields and its blocks. The billing block, which
    Anthropic alone may see, it does not read as a part of them.
    """
    system = [block for block in as_blocks(body.get("system", [])) if not block["text"].startswith(BILLING)]
    read = [plain(body.get("thinking")), plain(body.get("tools", [])), *plain(system)]
    for message in plain(body["messages"]):
        content = message.pop("content")
        read += [message, *content]
    return read


def unanswered_calls(body: Body) -> Iterator[tuple[int, str]]:
    """Yield the message and the id of each tool call that the next message (of a user) holds no result for."""
    messages = _spoken(body)
    for (at, message), (_, following) in zip(messages, [*messages[1:], (-1, {"content": []})], strict=True):
        results = {one["tool_use_id"] for one in _of_kind(following, "tool_result")}
        for call in _of_kind(message, "tool_use"):
            if call["id"] not in results:
                yield at, call["id"]


def results_of_nothing(body: Body) -> Iterator[tuple[int, int, str]]:
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


def has_billing(body: Body) -> bool:
    """Whether Claude Code's billing block stands in the system prompt."""
    return any(block["text"].startswith(BILLING) for block in as_blocks(body.get("system", [])))


def _spoken(body: Body) -> list[tuple[int, Body]]:
    return [(at, message) for at, message in enumerate(body["messages"]) if message["role"] != "system"]


def _of_kind(message: Body, kind: str) -> list[Block]:
    return [block for block in as_blocks(message["content"]) if block["type"] == kind]
