from __future__ import annotations

from typing import Any

from core.builders import adapted, read

GLOBAL = {"type": "ephemeral", "scope": "global"}
PLAIN = {"type": "ephemeral"}


def marked(mark: dict[str, Any] | None) -> dict[str, Any]:
    """Return a request with this mark wherever one may stand."""
    on = {"cache_control": mark} if mark else {}
    text = {"type": "text", "text": "be brief", **on}
    call = {"type": "tool_use", "id": "t1", "name": "x", "input": {"cache_control": "the user's own"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [text], **on}
    return {
        "system": [text, {"type": "text", "text": "unmarked"}],
        "tools": [{"name": "x", "input_schema": {"cache_control": 1}, **on}],
        "messages": [
            {"role": "user", "content": "say cache_control"},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ],
    }


def test_drops_a_rejected_part_and_keeps_the_mark() -> None:
    result = adapted(marked(GLOBAL), rejects=["mark:cache_control.scope"], is_anthropic=True)
    assert read(result) == marked(PLAIN)
    assert result.changes == ("mark:cache_control.scope*4",)


def test_drops_the_whole_mark_if_it_is_rejected() -> None:
    result = adapted(marked(GLOBAL), rejects=["mark:cache_control"], is_anthropic=True)
    assert read(result) == marked(None)
    assert result.changes == ("mark:cache_control*4",)


def test_keeps_marks_without_that_part_byte_for_byte() -> None:
    for body in (
        marked(PLAIN),
        marked(None),
        {"system": '"cache_control"', "tools": 5, "messages": ['"cache_control"']},
    ):
        result = adapted(body, rejects=["mark:cache_control.scope", "mark:other"], is_anthropic=True)
        assert result.changes == ()
        assert read(result) == body


def test_keeps_a_mark_of_another_shape() -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": "odd"}]}]}
    assert read(adapted(body, rejects=["mark:cache_control.scope"])) == body
    assert "cache_control" not in read(adapted(body, rejects=["mark:cache_control"]))["messages"][0]["content"][0]


def test_does_not_follow_blocks_nested_too_deep() -> None:
    block: dict[str, Any] = {"type": "text", "text": "x", "cache_control": PLAIN}
    for _ in range(10):
        block = {"type": "tool_result", "content": [block]}
    body = {"messages": [{"role": "user", "content": [block]}]}
    assert read(adapted(body, rejects=["mark:cache_control"])) == body
