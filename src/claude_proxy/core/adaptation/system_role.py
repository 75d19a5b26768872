"""Messages of the role `system`, for those who refuse that role: their text, in its place, in a user's message."""

from __future__ import annotations

import msgspec

from claude_proxy.core.adaptation.message_blocks import Block, Message, text_of


def reminder(block: Block) -> Block:
    """Return a block of a system message as a user's message may hold it: marked as Claude Code marks its own."""
    if block.kind != "text":
        return block
    return block.with_member("text", f"<system-reminder>\n{text_of(block.members, 'text')}\n</system-reminder>")


def folded(messages: list[Message | msgspec.Raw]) -> list[Message | msgspec.Raw]:
    """Return the conversation without system messages.

    They go to the end of the user's message before them, else to the beginning of the one behind them (after its tool
    results, which have to stand first), else they become one of their own. A raw message is one that need not or could
    not be read, and is no neighbour.
    """
    result, waiting = list[Message | msgspec.Raw](), list[Block]()
    for message in messages:
        if not isinstance(message, Message):
            _settle(result, waiting)
            result.append(message)
        elif message.role == "system":
            _fold(result, waiting, [reminder(block) for block in message.blocks])
        else:
            if waiting and message.role == "user":
                message.put(_after_results(message.blocks, waiting))
                waiting.clear()
            _settle(result, waiting)
            result.append(message)
    _settle(result, waiting)
    return result


def _fold(result: list[Message | msgspec.Raw], waiting: list[Block], blocks: list[Block]) -> None:
    before = result[-1] if result else None
    if isinstance(before, Message) and before.role == "user":
        before.add(blocks)
    else:
        waiting += blocks


def _settle(result: list[Message | msgspec.Raw], waiting: list[Block]) -> None:
    if waiting:
        result.append(Message.of("user", list(waiting)))
        waiting.clear()


def _after_results(blocks: list[Block], reminders: list[Block]) -> list[Block]:
    first = next((index for index, block in enumerate(blocks) if block.kind != "tool_result"), len(blocks))
    return [*blocks[:first], *reminders, *blocks[first:]]
