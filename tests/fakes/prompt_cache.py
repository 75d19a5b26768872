"""A prompt cache as Anthropic documents it: prefixes of blocks, written at each mark, read at the longest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from fakes.scripts import MESSAGE_STOP, json_message, message_delta
from fakes.server_connection import Request
from fakes.steps import Event, Script, Stream, Text

BYTES_A_TOKEN = 4
LOOK_BACK = 20
"""Blocks before a mark at which an earlier mark is looked for."""


class PromptCache:
    """Answers each request with a text, and counts its tokens as read from the cache, written to it, or neither."""

    def __init__(self, text: str = "hello") -> None:
        self._text = text
        self._held: set[tuple[str, str]] = set()

    def __call__(self, request: Request) -> Script:
        body = request.json()
        usage = self._use(body)
        if not body.get("stream"):
            return json_message(self._text)
        about = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "m", "usage": usage}
        start = Event("message_start", {"message": {**about, "stop_reason": None, "stop_sequence": None}})
        return [Stream(), start, Text(self._text), message_delta(), MESSAGE_STOP]

    def _use(self, body: dict[str, Any]) -> dict[str, int]:
        blocks = list(_blocks(body))
        prefixes, sizes, digest = list[tuple[str, str]](), [0], hashlib.sha256()
        for text, _ in blocks:
            digest.update(text.encode() + b"\0")
            prefixes.append((body["model"], digest.hexdigest()))
            sizes.append(sizes[-1] + len(text) // BYTES_A_TOKEN)
        marked = [place for place, (_, is_marked) in enumerate(blocks) if is_marked]
        near = {place - back for place in marked for back in range(LOOK_BACK)}
        read = max((place + 1 for place in near if place >= 0 and prefixes[place] in self._held), default=0)
        cached = max([read, *[place + 1 for place in marked]])
        self._held |= {prefixes[place] for place in marked}
        return {
            "input_tokens": sizes[-1] - sizes[cached],
            "cache_read_input_tokens": sizes[read],
            "cache_creation_input_tokens": sizes[cached] - sizes[read],
            "output_tokens": 1,
        }


def _blocks(body: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield each block as a text, and whether it is marked."""
    yield from map(_unmarked, body.get("tools", []))
    system = body.get("system", [])
    yield from map(_unmarked, [{"type": "text", "text": system}] if isinstance(system, str) else system)
    for message in body["messages"]:
        content = message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            text, is_marked = _unmarked(block)
            yield message["role"] + text, is_marked


def _unmarked(block: dict[str, Any]) -> tuple[str, bool]:
    without = {name: value for name, value in block.items() if name != "cache_control"}
    return json.dumps(without, sort_keys=True), "cache_control" in block
