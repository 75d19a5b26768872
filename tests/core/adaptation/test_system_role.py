from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.adaptation.system_role import fold_system_messages
from claude_proxy.core.message_blocks import Block, Message
from core.builders import adapted, compact, read

MARK = {"type": "ephemeral"}
CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "x", "input": {}}]}
DONE = {"type": "tool_result", "tool_use_id": "t1", "content": "x"}


def text(of: str) -> dict[str, Any]:
    return {"type": "text", "text": of}


def told(of: str) -> dict[str, Any]:
    return text(f"<system-reminder>\n{of}\n</system-reminder>")


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": [*blocks]}


def says(content: Any, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content}


HI, SYSTEM, REPLY = says("hi"), says("be kind", "system"), says("hello", "assistant")


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ([HI, SYSTEM], [user(text("hi"), told("be kind"))]),
        ([HI, SYSTEM, REPLY, HI], [user(text("hi"), told("be kind")), REPLY, HI]),
        ([HI, SYSTEM, says("twice", "system")], [user(text("hi"), told("be kind"), told("twice"))]),
        ([SYSTEM, HI], [user(told("be kind"), text("hi"))]),
        ([SYSTEM, SYSTEM, HI, REPLY], [user(told("be kind"), told("be kind"), text("hi")), REPLY]),
        ([HI, REPLY, SYSTEM, HI], [HI, REPLY, user(told("be kind"), text("hi"))]),
        ([HI, REPLY, SYSTEM], [HI, REPLY, user(told("be kind"))]),
        ([SYSTEM, REPLY], [user(told("be kind")), REPLY]),
        ([HI, SYSTEM, HI], [user(text("hi"), told("be kind")), HI]),
        ([CALL, SYSTEM, user(DONE, text("go"))], [CALL, user(DONE, told("be kind"), text("go"))]),
        ([CALL, SYSTEM, user(DONE)], [CALL, user(DONE, told("be kind"))]),
        ([CALL, user(DONE), SYSTEM], [CALL, user(DONE, told("be kind"))]),
        ([says(""), SYSTEM], [user(told("be kind"))]),
        ([HI, says("", "system")], [user(text("hi"))]),
        ([REPLY, says([], "system")], [REPLY]),
        ([says(7), SYSTEM, says(8)], [says(7), user(told("be kind")), says(8)]),
        ([7, SYSTEM, None], [7, user(told("be kind")), None]),
    ],
)
def test_puts_a_system_message_into_the_users_beside_it(sent: list[Any], given: list[Any]) -> None:
    result = adapted({"messages": sent}, rejects=["role:system"])
    assert read(result)["messages"] == given
    count = sum(1 for one in sent if isinstance(one, dict) and one["role"] == "system")
    assert result.changes == ("role:system" if count == 1 else f"role:system*{count}",)


def test_keeps_the_other_members_of_its_blocks() -> None:
    image = {"type": "image", "source": {}}
    system = says([{**text("a"), "cache_control": MARK}, image, text("b")], "system")
    assert read(adapted({"messages": [HI, system]}, rejects=["role:system"]))["messages"] == [
        user(text("hi"), {**told("a"), "cache_control": MARK}, image, told("b"))
    ]


@pytest.mark.parametrize("messages", [[HI, REPLY], [HI, says(7, "system")], [{"role": "system"}], [says("x", "tool")]])
def test_changes_nothing_without_a_readable_system_message(messages: list[Any]) -> None:
    body = compact({"model": "claude-opus-5-5", "messages": messages})
    assert adapted(body, rejects=["role:system"]).body is body


def test_keeps_it_if_the_role_is_accepted() -> None:
    body = compact({"model": "claude-opus-5-5", "messages": [HI, SYSTEM]})
    assert adapted(body).body is body


def test_many_in_a_row_take_linear_time() -> None:
    first = Message.of("user", [Block.text("hi")])
    blocks = first.blocks
    fold_system_messages([first, *[Message.of("system", [Block.text("x")]) for _ in range(3)]])
    assert first.blocks is blocks  # added to, and not copied each time
    assert len(blocks) == 4
