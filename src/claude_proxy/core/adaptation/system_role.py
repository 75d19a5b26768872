"""The rule for messages of the role `system`, if a provider rejects it: their text goes into a user's message."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import AdaptationRule, ChangeText, Conversation, MessageRule
from claude_proxy.core.json_values import text_of
from claude_proxy.core.message_blocks import Block, Message
from claude_proxy.core.traits import Kind


class SystemRole(MessageRule):
    """Joins the messages of the role `system` with their neighbours."""

    __slots__ = ("_draft",)

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def rearrange(self, conversation: Conversation) -> Conversation:
        """Return the conversation without messages of the role `system`."""
        system = [index for index, message in enumerate(conversation) if _is_system(message)]
        if not system:
            return conversation
        self._draft.changes.note("role:system", len(system))
        conversation = conversation.copy()
        for index in {near for at in system for near in (at - 1, at + 1) if 0 <= near < len(conversation)}:
            message = conversation[index]
            if not isinstance(message, Message):
                conversation[index] = Message.read(bytes(message)) or message
        return fold_system_messages(conversation)


def _is_system(message: object) -> bool:
    return isinstance(message, Message) and message.role == "system"


def fold_system_role(draft: Draft) -> SystemRole | None:
    """Return the rule for providers that reject the role."""
    return SystemRole(draft) if draft.constraints.rejects_system_role else None


def fold_system_messages(conversation: Conversation) -> Conversation:
    """Return a conversation without system messages.

    They go to the end of the user's message before them, else to the beginning of the one after them (behind its tool
    results, which have to stand first), else they become a message of their own. A raw message does not count as a
    neighbour: it need not or could not be read.
    """
    result, waiting = Conversation(), list[Block]()
    for message in conversation:
        if not isinstance(message, Message):
            _settle(result, waiting)
            result.append(message)
        elif message.role == "system":
            _fold(result, waiting, [as_reminder(block) for block in message.blocks])
        else:
            if waiting and message.role == "user":
                message.replace_blocks(_after_results(message.blocks, waiting))
                waiting.clear()
            _settle(result, waiting)
            result.append(message)
    _settle(result, waiting)
    return result


def as_reminder(block: Block) -> Block:
    """Return a block of a system message for use in a user's message: marked as Claude Code marks its own."""
    if block.kind != "text":
        return block
    return block.with_member("text", f"<system-reminder>\n{text_of(block.members, 'text')}\n</system-reminder>")


def _fold(result: Conversation, waiting: list[Block], blocks: list[Block]) -> None:
    before = result[-1] if result else None
    if isinstance(before, Message) and before.role == "user":
        before.append_blocks(blocks)
    else:
        waiting += blocks


def _settle(result: Conversation, waiting: list[Block]) -> None:
    if waiting:
        result.append(Message.of("user", list(waiting)))
        waiting.clear()


def _after_results(blocks: list[Block], reminders: list[Block]) -> list[Block]:
    first = next((index for index, block in enumerate(blocks) if block.kind != "tool_result"), len(blocks))
    return [*blocks[:first], *reminders, *blocks[first:]]


SYSTEM_ROLE: Final = AdaptationRule(
    name="system-role",
    records=MappingProxyType(
        {
            "role:system": (
                "Moves a message of the role `system` into the user's message beside it, as a "
                "`<system-reminder>` at the same place."
            ),
        }
    ),
    on_messages=fold_system_role,
    rejections=MappingProxyType(
        {Kind.ROLE: ChangeText("moved into the neighbouring user message", "messages with the role {}")}
    ),
)
