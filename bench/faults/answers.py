"""The answer of the laboratory's model: what a client must have in the end, and how it comes in events."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fakes import scripts
from fakes.steps import Event, Status, Step, Stream, text_delta

THOUGHT: Final = ("The file holds a verse. ", "I write it, and say so before.")
TEXT: Final = "I write the file with the verse that you asked for, and then I tell you that it is there."
_PIECES: Final = (30, 61)
"""Where the text is cut into its deltas."""

DONE: Final = "It is written: zebra."
"""What the model says when the tool has run: the sign that a turn is over."""

VERSE: Final = "a line\nand another line\n"
TOOL: Final = "Write"
_CALL_ID: Final = "toolu_fault"
_SIGNATURE: Final = "c2lnbmVk"


@dataclass(frozen=True, slots=True)
class Answer:
    """The content of one answer, block by block."""

    thinking: bool
    text: str
    call: Mapping[str, str] | None = None

    @property
    def stop_reason(self) -> str:
        """Why the model stops."""
        return "tool_use" if self.call else "end_turn"

    @property
    def blocks(self) -> list[list[Event]]:
        """The events of each of its content blocks."""
        blocks = list[list[Event]]()
        if self.thinking:
            blocks.append(_thinking())
        if self.text:
            blocks.append(_text(self.text, len(blocks)))
        if self.call:
            blocks.append(_call(self.call, len(blocks)))
        return blocks

    def events(self) -> list[Event]:
        """All events of its stream."""
        middle = [event for block in self.blocks for event in block]
        return [scripts.message_start(), *middle, scripts.message_delta(self.stop_reason), scripts.MESSAGE_STOP]

    def script(self, *, streamed: bool) -> list[Step]:
        """Return the steps that give it whole."""
        return [Stream(), *self.events()] if streamed else [Status(200, self.json())]

    def json(self) -> bytes:
        """Return it as the body of an answer that is not streamed."""
        content = list[dict[str, Any]]()
        if self.thinking:
            content.append({"type": "thinking", "thinking": "".join(THOUGHT), "signature": _SIGNATURE})
        if self.text:
            content.append({"type": "text", "text": self.text})
        if self.call:
            content.append({"type": "tool_use", "id": _CALL_ID, "name": TOOL, "input": self.call})
        envelope = {"id": "msg_fault", "type": "message", "role": "assistant", "model": scripts.MODEL}
        ending = {"stop_reason": self.stop_reason, "stop_sequence": None, "usage": scripts.USAGE}
        return json.dumps({**envelope, "content": content, **ending}).encode()


def reply_to(body: Mapping[str, Any], path: str) -> Answer:
    """Return what the model says to a request: all of its answer, or the rest of it that the conversation lacks.

    It carries on from the text that the last assistant message holds, whatever words it is asked with: Claude Code and
    each gateway has its own.
    """
    if holds_tool_result(body):
        return Answer(thinking=False, text=DONE)
    call = {"file_path": path, "content": VERSE} if is_main(body) else None
    had = _text_so_far(body["messages"])
    if had and TEXT.startswith(had):
        return Answer(thinking=False, text=TEXT[len(had) :], call=call)
    return Answer(thinking=True, text=TEXT, call=call)


def is_main(body: Mapping[str, Any]) -> bool:
    """Whether a request offers the tool: those for a title and the like do not."""
    return any(tool.get("name") == TOOL for tool in body.get("tools") or ())


def holds_tool_result(body: Mapping[str, Any]) -> bool:
    """Whether the client has run the tool."""
    return any(block.get("type") == "tool_result" for message in body["messages"] for block in _blocks(message))


def _text_so_far(messages: Sequence[Mapping[str, Any]]) -> str:
    said = [message for message in messages if message["role"] == "assistant"]
    return "".join(block.get("text", "") for block in _blocks(said[-1])) if said else ""


def _blocks(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    else:
        yield from content or ()


def _thinking() -> list[Event]:
    return [
        scripts.block_start({"type": "thinking", "thinking": "", "signature": ""}),
        *(scripts.block_delta("thinking_delta", "thinking", piece) for piece in THOUGHT),
        scripts.block_delta("signature_delta", "signature", _SIGNATURE),
        scripts.block_stop(),
    ]


def _text(text: str, index: int) -> list[Event]:
    cuts = [0, *(cut for cut in _PIECES if cut < len(text)), len(text)]
    return [
        scripts.block_start({"type": "text", "text": ""}, index),
        *(text_delta(text[start:end], index) for start, end in itertools.pairwise(cuts)),
        scripts.block_stop(index),
    ]


def _call(arguments: Mapping[str, str], index: int) -> list[Event]:
    written = json.dumps(arguments)
    block = {"type": "tool_use", "id": _CALL_ID, "name": TOOL, "input": {}}
    pieces = (written[:20], written[20:])
    return [
        scripts.block_start(block, index),
        *(scripts.block_delta("input_json_delta", "partial_json", piece, index) for piece in pieces),
        scripts.block_stop(index),
    ]
