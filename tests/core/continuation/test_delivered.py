from __future__ import annotations

import pytest

from claude_proxy.core.continuation import delivered as module
from claude_proxy.core.continuation.delivered import Content, Delivered, DeliveredBlock
from claude_proxy.core.messages import PING
from core.continuation.answers import Text, Thinking, ToolCall, event, message_start, stream_of

TEXT, THINKING, CALL = Text(["some ", "text"]), Thinking(["some ", "thought"]), ToolCall("Write", ["{}"])
REDACTED = event("content_block_start", index=0, content_block={"type": "redacted_thinking", "data": "x"})
SERVER_TOOL = event("content_block_start", index=0, content_block={"type": "server_tool_use", "id": "x"})
CITATION = event("content_block_delta", index=0, delta={"type": "citations_delta", "citation": {}})


def delivered(*blocks: bytes) -> Delivered:
    made = Delivered()
    for block in blocks:
        made.add(block)
    return made


def begun(block: Text | Thinking | ToolCall, events: int = 3, index: int = 0) -> bytes:
    return b"".join(list(block.events(index))[:events])


def whole(block: Text | Thinking | ToolCall, index: int = 0) -> bytes:
    return b"".join(block.events(index))


@pytest.mark.parametrize(
    ("sent", "content"),
    [
        (b"", Content.NOTHING),
        (message_start() + PING + b": comment\n\n", Content.NOTHING),
        (begun(THINKING), Content.THINKING),
        (whole(THINKING), Content.THINKING),
        (whole(THINKING) + begun(Text([" \n"]), 2, 1), Content.THINKING),
        (begun(TEXT, 2), Content.TEXT),
        (whole(TEXT) + begun(THINKING, 2, 1), Content.TEXT),
        (whole(TEXT) + whole(CALL, 1), Content.TOOL_CALLS),
        (whole(CALL) + begun(TEXT, 2, 1), Content.TOOL_CALLS),
        (whole(TEXT) + begun(CALL, 2, 1), Content.OPAQUE),
        (b"".join(stream_of([TEXT])), Content.STOPPED),
        (whole(TEXT) + event("message_delta"), Content.TEXT),
        (REDACTED, Content.OPAQUE),
        (SERVER_TOOL, Content.OPAQUE),
        (begun(TEXT, 2) + CITATION, Content.OPAQUE),
        (begun(TEXT, 2) + b"data: {half\n\n", Content.OPAQUE),
        (event("content_block_start", index=0), Content.OPAQUE),
    ],
)
def test_what_a_client_has_says_how_its_answer_can_go_on(sent: bytes, content: Content) -> None:
    assert delivered(sent).content is content


def test_its_blocks_are_read_with_all_that_came_of_them() -> None:
    start = event("content_block_start", index=1, content_block={"type": "text", "text": "all of ", "signature": None})
    made = delivered(
        message_start(), whole(THINKING), start, event("content_block_delta", index=1), begun(TEXT, 3, 1)[-200:]
    )
    assert made.blocks[0] == DeliveredBlock(0, "thinking", ["some ", "thought"], "sig", closed=True)
    assert made.blocks[0].text == "some thought"
    assert made.blocks[1].kind == "text"
    assert made.open_block is made.blocks[1]
    assert made.text.startswith("all of ")
    assert made.next_index == 2


def test_a_delta_or_an_end_of_another_block_changes_nothing() -> None:
    stray = event("content_block_delta", index=5, delta={"type": "text_delta", "text": "x"})
    made = delivered(begun(TEXT, 2) + stray + event("content_block_stop", index=5))
    assert made.text == "some "
    assert made.open_block


def test_nothing_sent_has_no_open_block() -> None:
    assert delivered().open_block is None
    assert delivered().next_index == 0
    assert delivered(whole(TEXT)).open_block is None


def test_a_long_answer_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNREAD_BYTES", 100)
    made = delivered(*Text([f"word{number} " for number in range(100)]).events(0))
    assert made.text.endswith("word99 ")
    assert made.content is Content.TEXT


def test_an_answer_that_is_too_long_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNREAD_BYTES", 100)
    monkeypatch.setattr(module, "MAX_CHARS", 50)
    made = delivered(*Text(["0123456789"] * 20).events(0))
    assert made.content is Content.OPAQUE
    assert made.blocks == []


def test_signatures_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHARS", 1000)
    start, thought, signature, _ = Thinking(["x"], "s" * 300).events(0)
    assert delivered(start, thought, signature, signature).content is Content.THINKING
    made = delivered(start, thought, signature * 4)
    assert (made.content, made.blocks) == (Content.OPAQUE, [])


def test_empty_blocks_without_end_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHARS", 1000)
    made = delivered(*(whole(Text([]), index) for index in range(100)))
    assert (made.content, made.blocks) == (Content.OPAQUE, [])


def test_pieces_are_kept_as_one() -> None:
    made = delivered(begun(Text(list("abc")), 4))
    assert made.blocks[0].pieces == ["abc"]
    made.add(event("content_block_delta", index=0, delta={"type": "text_delta", "text": ""}) * 100)
    assert made.blocks[0].pieces == ["abc"]
