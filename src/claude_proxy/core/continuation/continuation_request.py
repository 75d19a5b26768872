"""The request that asks for the rest of an answer.

It is the client's own, byte for byte, with what the client has of the answer behind it and one message that asks to go
on: what a provider has in its cache stays of use, and thinking that is bound to the conversation stays valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from claude_proxy.core.continuation.delivered import Content, Delivered
from claude_proxy.core.continuation.seam import fragment_of, is_within_sentence
from claude_proxy.core.json_values import read_items, read_members, text_of
from claude_proxy.core.request import MessagesRequest, splice

_FORCED: Final = frozenset({"any", "tool"})


def continuation_request(request: MessagesRequest, delivered: Delivered) -> MessagesRequest | None:
    """Return the request to send next; None if what the client has of the answer can't be gone on from.

    If it has thinking only, the request is sent again as it was.
    """
    match delivered.content:
        case Content.NOTHING | Content.THINKING:
            return request
        case Content.TEXT if changes := _changes(request, delivered):
            body = splice(request, changes)
            return MessagesRequest.parse(request.path, request.query, request.headers, body)
        case _:
            return None


def _changes(request: MessagesRequest, delivered: Delivered) -> Mapping[str, bytes | None] | None:
    """Return the fields that change; None if the conversation already ends with words put into the model's mouth."""
    raw = request.body[request.spans["messages"]] if "messages" in request.spans else b""
    messages = read_items(raw)
    last = read_members(messages[-1]) if messages else None
    if last is None or text_of(last, "role") == "assistant":
        return None
    answer = {"role": "assistant", "content": _blocks(delivered)}
    question = {"role": "user", "content": [{"type": "text", "text": _question(delivered)}]}
    more = b",%b,%b]" % (msgspec.json.encode(answer), msgspec.json.encode(question))
    changes: dict[str, bytes | None] = {"messages": raw.rstrip()[:-1] + more}
    if "tool_choice" in request.spans and _is_forced(request.body[request.spans["tool_choice"]]):
        changes["tool_choice"] = None  # the rest of a text is no tool call
    return changes


def _is_forced(raw: bytes) -> bool:
    return text_of(read_members(raw) or {}, "type") in _FORCED


def _blocks(delivered: Delivered) -> list[dict[str, str]]:
    """Return what the client has; thinking only if it is signed, which is the work of `adapt` to check."""
    blocks = list[dict[str, str]]()
    for block in delivered.blocks:
        if block.kind == "text" and block.text.strip():
            blocks.append({"type": "text", "text": block.text})
        elif block.kind == "thinking" and block.closed and block.signature:
            blocks.append({"type": "thinking", "thinking": block.text, "signature": block.signature})
    return blocks


def _question(delivered: Delivered) -> str:
    text = delivered.text
    fragment = fragment_of(text)
    before = delivered.open_block
    if before and before.kind == "text" and is_within_sentence(text):
        return (
            "My connection dropped while you were writing this reply, and I have it only as far as it stands above. "
            f"The last words that reached me are:\n\n{fragment}\n\n"
            "Please carry on from exactly there. Start by repeating those last words character for character, so that "
            "I can join the two halves, and finish the rest of your reply in the same go, tool calls included. Don't "
            "apologise, don't comment on the interruption, and don't begin anew."
        )
    return (
        "My connection dropped while you were giving this reply, and I have it only as far as it stands above. Please "
        "carry on with what comes next, as if nothing had happened. If you had begun a tool call, it did not reach me: "
        "make it again. Don't apologise, don't comment on the interruption, and don't repeat what stands above."
    )
