"""Conversations as Claude Code sends them, and a provider's prompt cache that works as documented."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from claude_proxy.core.cache_doctor.fingerprint import Fingerprint, take_fingerprint
from claude_proxy.core.cache_doctor.prompt_pieces import SentPrompt
from claude_proxy.core.types import Usage
from core.builders import adapted, compact

MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
BYTES_A_TOKEN = 4

TOOLS = [{"name": name, "description": name * 300, "input_schema": {"type": "object"}} for name in ("Bash", "Read")]


def text(words: str, mark: dict[str, str] | None = None) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": words}
    return {**block, "cache_control": mark} if mark else block


def turns(count: int, size: int = 1200) -> list[dict[str, Any]]:
    """Return a conversation of so many messages, each different; the last one is the user's."""
    roles = ("user", "assistant")
    return [
        {
            "role": roles[number % 2],
            "content": [text(f"{number} " * (size // 2))] if number % 2 else f"{number} " * size,
        }
        for number in range(count)
    ]


def body(messages: list[dict[str, Any]], *, mark: dict[str, str] = MARK, **fields: Any) -> bytes:
    """Return a request with marks behind the system prompt and the last message, as Claude Code sets them."""
    *before, last = messages
    blocks = [text(last["content"])] if isinstance(last["content"], str) else last["content"]
    marked = [*blocks[:-1], {**blocks[-1], "cache_control": mark}]
    system = [text("x-anthropic-billing-header: cc_version=1; cch=0;"), text("You are Claude Code. " * 99, mark)]
    whole = {"model": "m", "system": system, "tools": TOOLS, "messages": [*before, {**last, "content": marked}]}
    return compact({**whole, **fields})


def sent(raw: bytes, **traits: Any) -> SentPrompt:
    """Return a request as a provider with these traits gets it."""
    prompt = adapted(raw, **traits).prompt
    assert prompt
    return prompt


def taken(prompt: SentPrompt, *args: Fingerprint) -> Fingerprint:
    found = take_fingerprint(prompt, *args)
    assert found
    return found


@dataclass
class PromptCache:
    """Holds the beginnings of what it was sent, as pieces; `by_marks`: it tells what it writes."""

    by_marks: bool = True
    least: int = 1024
    _held: list[tuple[int, ...]] = field(default_factory=list)

    def ask(self, prompt: SentPrompt) -> Usage:
        """Return the usage of an answer to a prompt, which is held from now on."""
        found = taken(prompt)
        pieces = tuple(found.counting)
        common = max((self._common(pieces, held) for held in self._held), default=0)
        whole, read = (sum(found.sizes[:end]) // BYTES_A_TOKEN for end in (len(pieces), common))
        if whole < self.least:
            return Usage(input_tokens=whole, output_tokens=1)
        self._held.append(pieces)
        if self.by_marks:
            return Usage(2, 1, whole - read, read)
        return Usage(whole - read, 1, 0, read)

    def forget(self) -> None:
        self._held.clear()

    @staticmethod
    def _common(pieces: tuple[int, ...], held: tuple[int, ...]) -> int:
        pairs = enumerate(zip(pieces, held, strict=False))
        return next((place for place, (one, other) in pairs if one != other), min(len(pieces), len(held)))
