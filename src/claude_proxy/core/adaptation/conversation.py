"""The messages: which of them are looked at, and how they are put together again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from claude_proxy.core.adaptation.blocks import Unreadable
from claude_proxy.core.adaptation.call_ids import CallIds
from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.message_blocks import ASSISTANT, USER, Message, listed
from claude_proxy.core.adaptation.system_role import folded
from claude_proxy.core.adaptation.thinking_blocks import OwnerOf, Thoughts, leads_with_thinking
from claude_proxy.core.adaptation.thinking_mode import leave_out


def with_messages_that_fit(draft: Draft, owner_of: OwnerOf | None) -> None:
    """Change the messages that the provider would refuse; each of the others stays byte for byte."""
    thoughts = Thoughts(draft.terms, owner_of, draft.changes)
    blocks = draft.terms.blocks
    unreadable = Unreadable(blocks & draft.request.required_features.kinds if blocks else blocks, draft.changes)
    call_ids = CallIds(draft.terms, draft.changes)
    if thoughts.idle and unreadable.idle and call_ids.idle and not draft.terms.folds_system:
        return
    messages = _messages(draft)
    read = dict(_concerned(messages, thoughts, unreadable, call_ids))
    if not read:
        return
    for message in read.values():
        unreadable.apply(message)
        call_ids.apply(message)
        if message.role == "assistant":
            thoughts.apply(message)
    result = [read.get(index, raw) for index, raw in enumerate(messages)]
    if draft.terms.folds_system:
        result = _without_system_role(draft, result)
    if len(result) != len(messages) or any(isinstance(one, Message) and one.changed for one in result):
        written = b",".join([one.written() if isinstance(one, Message) else one for one in result])
        draft.write_raw("messages", b"[%b]" % written)
        _mend_open_loop(draft, result)


def _messages(draft: Draft) -> Sequence[msgspec.Raw]:
    messages = draft.request.messages
    return listed(draft.raw("messages")) or () if messages is None else messages


def _concerned(
    messages: Sequence[msgspec.Raw], thoughts: Thoughts, unreadable: Unreadable, call_ids: CallIds
) -> Iterator[tuple[int, Message]]:
    passed: tuple[bytes, ...] = ()
    if unreadable.idle and call_ids.idle:
        passed = (USER, ASSISTANT) if thoughts.idle else (USER,)
    results_of_odd_calls = False
    for index, raw in [(index, raw) for index, raw in enumerate(map(bytes, messages)) if not raw.startswith(passed)]:
        if raw.startswith(USER):
            concerned = results_of_odd_calls or unreadable.concern(raw)
        elif raw.startswith(ASSISTANT):
            results_of_odd_calls = call_ids.concern(raw)
            concerned = results_of_odd_calls or thoughts.concern(raw) or unreadable.concern(raw)
        else:
            results_of_odd_calls = results_of_odd_calls or call_ids.concern(raw)
            concerned = True  # of another role, or written in another way
        if concerned and (message := Message.read(raw)):
            yield index, message


def _without_system_role(draft: Draft, messages: list[Message | msgspec.Raw]) -> list[Message | msgspec.Raw]:
    system = [index for index, one in enumerate(messages) if isinstance(one, Message) and one.role == "system"]
    if not system:
        return messages
    draft.changes.note("role:system", len(system))
    messages = messages.copy()
    for index in {near for one in system for near in (one - 1, one + 1) if 0 <= near < len(messages)}:
        raw = messages[index]
        if not isinstance(raw, Message):
            messages[index] = Message.read(bytes(raw)) or raw
    return folded(messages)


def _mend_open_loop(draft: Draft, messages: list[Message | msgspec.Raw]) -> None:
    """Send no `thinking` where the last call of a tool has to be led by it, and that was another one's."""
    thinking = draft.members("thinking") or {}
    if not draft.terms.traits.checks_signatures or thinking.get("type") != "enabled":
        return
    for message in reversed(messages):
        if not isinstance(message, Message):
            if bytes(message).startswith(USER):
                continue
            return  # the last word of the assistant was not changed
        if message.role == "assistant":
            if any(block.kind == "tool_use" for block in message.blocks) and not leads_with_thinking(message):
                leave_out(draft)
                draft.changes.note("thinking:enabled>none")
            return
