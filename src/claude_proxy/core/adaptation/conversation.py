"""One pass over the messages for all rules that change them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import AdaptationRule, Conversation, MessageRule
from claude_proxy.core.json_values import read_items
from claude_proxy.core.message_blocks import ASSISTANT, USER, Message


def adapt_messages(draft: Draft, rules: Sequence[AdaptationRule]) -> None:
    """Change the messages that the provider would reject. Each of the others stays byte for byte."""
    needed = [made for rule in rules if rule.on_messages and (made := rule.on_messages(draft))]
    if not needed:
        return
    messages = messages_of(draft)
    read = dict(_concerned(messages, needed))
    if not read:
        return
    for message in read.values():
        for rule in needed:
            rule.apply(message)
    conversation: Conversation = [read.get(index, raw) for index, raw in enumerate(messages)]
    for rule in needed:
        conversation = rule.rearrange(conversation)
    if len(conversation) != len(messages) or any(isinstance(one, Message) and one.changed for one in conversation):
        written = b",".join([one.encode() if isinstance(one, Message) else one for one in conversation])
        draft.write_raw("messages", b"[%b]" % written)
        for rule in needed:
            rule.finish(conversation)


def messages_of(draft: Draft) -> Sequence[msgspec.Raw]:
    """Return the messages, each as it came; none if they are no list."""
    messages = draft.request.messages
    return read_items(draft.raw("messages")) or () if messages is None else messages


def _concerned(messages: Sequence[msgspec.Raw], rules: Sequence[MessageRule]) -> Iterator[tuple[int, Message]]:
    """Yield the messages that may need a change, read, with their places."""
    for_user = [rule for rule in reversed(rules) if rule.user_messages]
    for_assistant = [rule for rule in reversed(rules) if rule.assistant_messages]
    skipped = (*(() if for_user else (USER,)), *(() if for_assistant else (ASSISTANT,)))
    for index, raw in [(index, raw) for index, raw in enumerate(map(bytes, messages)) if not raw.startswith(skipped)]:
        if raw.startswith(USER):
            role, asked = "user", for_user
        else:
            role, asked = "assistant" if raw.startswith(ASSISTANT) else "", for_assistant
        concerned = not role  # of another role, or written in another way
        for rule in asked:
            if rule.sees_each or not concerned:
                concerned = rule.concerns(raw, role) or concerned
        if concerned and (message := Message.read(raw)):
            yield index, message
