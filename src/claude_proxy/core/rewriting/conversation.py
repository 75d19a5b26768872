"""The messages: which of them are looked at, and how they are put together again."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from claude_proxy.core.lenient import decoded
from claude_proxy.core.rewriting.blocks import Unreadable
from claude_proxy.core.rewriting.call_ids import CallIds
from claude_proxy.core.rewriting.draft import Draft
from claude_proxy.core.rewriting.message import ASSISTANT, USER, Message
from claude_proxy.core.rewriting.reminders import folded
from claude_proxy.core.rewriting.thinking_mode import leave_out
from claude_proxy.core.rewriting.thoughts import OriginOf, Thoughts, leads_with_thinking

_raws = msgspec.json.Decoder(list[msgspec.Raw])


def with_messages_that_fit(draft: Draft, origin_of: OriginOf) -> None:
    """Change the messages that the provider would refuse; each of the others stays byte for byte."""
    messages = _messages(draft)
    thoughts = Thoughts(draft.terms, origin_of, draft.changes)
    unreadable = Unreadable(draft.terms.blocks, draft.changes)
    call_ids = CallIds(draft.terms, draft.changes)
    read = dict(_concerned(messages, thoughts, unreadable, call_ids))
    for message in read.values():
        unreadable.apply(message)
        call_ids.apply(message)
        if message.role == "assistant":
            thoughts.apply(message)
    result = [read.get(index, raw) for index, raw in enumerate(messages)]
    if draft.terms.folds_system:
        result = _without_system_role(draft, result)
    if len(result) != len(messages) or any(isinstance(one, Message) and one.changed for one in result):
        draft.write("messages", [msgspec.Raw(one if isinstance(one, bytes) else one.written()) for one in result])
        _mend_open_loop(draft, result)


def _messages(draft: Draft) -> list[bytes]:
    raws = draft.request.messages
    if raws is None:
        raws = decoded(_raws, draft.raw("messages") or b"") or []
    return [bytes(raw) for raw in raws]


def _concerned(
    messages: list[bytes], thoughts: Thoughts, unreadable: Unreadable, call_ids: CallIds
) -> Iterator[tuple[int, Message]]:
    results_of_odd_calls = False
    for index, raw in enumerate(messages):
        if raw.startswith(USER):
            concerned = results_of_odd_calls or unreadable.concern(raw)
        elif raw.startswith(ASSISTANT):
            results_of_odd_calls = call_ids.concern(raw)
            concerned = results_of_odd_calls or thoughts.concern(raw) or unreadable.concern(raw)
        else:
            concerned = True  # of another role, or written in another way
        if concerned and (message := Message.read(raw)):
            yield index, message


def _without_system_role(draft: Draft, messages: list[Message | bytes]) -> list[Message | bytes]:
    system = [index for index, one in enumerate(messages) if isinstance(one, Message) and one.role == "system"]
    if not system:
        return messages
    draft.changes.note("role:system", len(system))
    messages = messages.copy()
    for index in {near for one in system for near in (one - 1, one + 1) if 0 <= near < len(messages)}:
        raw = messages[index]
        if isinstance(raw, bytes):
            messages[index] = Message.read(raw) or raw
    return folded(messages)


def _mend_open_loop(draft: Draft, messages: list[Message | bytes]) -> None:
    """Send no `thinking` where Anthropic wants the last call of a tool led by it, and it was another one's thinking."""
    thinking = draft.members("thinking") or {}
    if not draft.terms.traits.checks_signatures or thinking.get("type") != "enabled":
        return
    for message in reversed(messages):
        if isinstance(message, bytes):
            if message.startswith(USER):
                continue
            return  # the last word of the assistant was not changed
        if message.role == "assistant":
            if any(block.kind == "tool_use" for block in message.blocks) and not leads_with_thinking(message):
                leave_out(draft)
                draft.changes.note("thinking:enabled>none")
            return
