from __future__ import annotations

from collections.abc import Sequence

import pytest

from claude_proxy.core.continuation.delivered import Delivered
from claude_proxy.core.continuation.joined_stream import JoinedStream, end_with_tool_calls
from claude_proxy.core.messages import PING
from claude_proxy.core.types import Usage
from claude_proxy.core.usage import Tally
from core.continuation.answers import (
    Assembled,
    Block,
    Text,
    Thinking,
    ToolCall,
    event,
    message_end,
    message_start,
    stream_of,
)

HALF = Text(["I go on and on ", "without an e"])
EARLIER = Usage(100, 1, 0, 7)


def joined(first: Sequence[Block], second: bytes, *, missing: int = 3) -> Assembled:
    """Return what a client makes of an answer whose last events are missing, and of its continuation."""
    stream, delivered = b"".join(stream_of(first)[:-missing]), Delivered()
    delivered.add(stream)
    return Assembled.of(stream + JoinedStream(delivered, [EARLIER], Tally()).feed(second))


def whole(*blocks: Block) -> bytes:
    return b"".join(stream_of(blocks))


def test_comments_and_pings_pass_and_what_is_no_json_does_not() -> None:
    stream = JoinedStream(Delivered(), [], Tally())
    assert stream.feed(b": comment\n\n" + PING + b"event: x\ndata: {half\n\n") == b": comment\n\n" + PING
    assert not stream.has_content


def test_thinking_in_the_middle_of_a_sentence_is_left_out() -> None:
    answer = joined([HALF], whole(Thinking(["hm"]), Text(["I go on and on without an end."])))
    assert [block["type"] for block in answer.blocks] == ["text"]
    assert answer.text == "I go on and on without an end."


def test_thinking_behind_a_sentence_is_a_block_of_its_own() -> None:
    answer = joined([Text(["It is over."])], whole(Thinking(["hm"]), Text(["It is over. No."])))
    assert [block["type"] for block in answer.blocks] == ["text", "thinking", "text"]
    assert answer.text == "It is over. No."


def test_a_tool_call_ends_an_open_text_and_what_follows_it_is_new() -> None:
    answer = joined([HALF], whole(ToolCall("Write", ["{}"]), Text(["I go on and on"])))
    assert [block["type"] for block in answer.blocks] == ["text", "tool_use", "text"]
    assert answer.text == "I go on and on without an eI go on and on"


def test_a_text_that_only_repeats_leaves_no_block() -> None:
    answer = joined([Text(["It is over."])], whole(Text(["It is ", "over."]), ToolCall("Write", ["{}"])), missing=2)
    assert [block["type"] for block in answer.blocks] == ["text", "tool_use"]


def test_a_new_text_begins_when_more_than_white_space_has_come() -> None:
    answer = joined([Text(["It is over."])], whole(Text(["It is over.", "\n", "\n", "Next."])), missing=2)
    assert [block["text"] for block in answer.blocks] == ["It is over.", "\n\nNext."]


def test_a_stream_without_the_end_of_its_block_is_ended_all_the_same() -> None:
    start = event("content_block_start", index=0, content_block={"type": "text", "text": "without an end"})
    assert joined([HALF], message_start() + start + message_end()).text == "I go on and on without an end"


def test_an_event_of_a_block_that_never_began_is_left_out() -> None:
    stray = event("content_block_delta", index=9, delta={"type": "text_delta", "text": "x"})
    end = event("content_block_stop", index=9)
    assert joined([HALF], message_start() + stray + end + message_end()).text == "I go on and on without an e"


def test_a_start_or_a_delta_of_an_odd_shape_is_no_text() -> None:
    odd = event("content_block_start", index=0, content_block="x") + event("content_block_delta", index=0, delta="x")
    odd += event("content_block_delta", index=0, delta={"type": "text_delta", "text": 7})
    assert b"content_block_stop" in JoinedStream(_half(), [], Tally()).feed(odd)


def _half() -> Delivered:
    delivered = Delivered()
    delivered.add(b"".join(stream_of([HALF])[:-3]))
    return delivered


def test_odd_deltas_at_the_seam_are_no_text() -> None:
    start = event("content_block_start", index=0, content_block={"type": "text"})
    odd = event("content_block_delta", index=0, delta=None)
    answer = joined([HALF], message_start() + start + odd + message_end())
    assert answer.text == "I go on and on without an e"
    closed = joined([Text(["Over."])], message_start() + start + odd + odd + message_end(), missing=2)
    assert closed.text == "Over."


def test_the_usage_is_the_sum_and_the_prompt_counts_once_for_the_context() -> None:
    usage = joined([HALF], whole(Text(["without an end."]))).usage
    assert (usage["input_tokens"], usage["output_tokens"], usage["cache_read_input_tokens"]) == (110, 6, 7)
    assert [part["input_tokens"] for part in usage["iterations"]] == [100, 10]


def test_a_usage_of_an_odd_shape_is_replaced() -> None:
    end = event("message_delta", delta={"stop_reason": "end_turn"}, usage=None)
    assert joined([Text(["It is over."])], message_start() + end).usage["input_tokens"] == 110


def test_an_answer_with_whole_tool_calls_ends_with_them() -> None:
    stream, delivered = b"".join(stream_of([ToolCall("Write", ["{}"]), HALF])[:-3]), Delivered()
    delivered.add(stream)
    answer = Assembled.of(stream + end_with_tool_calls(delivered, [EARLIER]))
    assert answer.stop_reason == "tool_use"
    assert answer.over
    assert answer.usage["input_tokens"] == 100


def test_between_blocks_nothing_is_left_to_end() -> None:
    delivered = Delivered()
    delivered.add(b"".join(stream_of([ToolCall("Write", ["{}"])])[:-2]))
    assert b"content_block_stop" not in end_with_tool_calls(delivered, [EARLIER])


def test_a_model_that_begins_again_and_stops_sooner_adds_nothing() -> None:
    assert joined([HALF], whole(Text(["I go on and on"]))).text == "I go on and on without an e"


def test_half_a_character_stays_half_in_a_call() -> None:
    start, piece, stop = ToolCall("Write", ["HALF"]).events(0)
    halves = b"".join(piece.replace(b"HALF", half) for half in (rb"\ud83d", rb"\ude00"))
    answer = joined([Text(["It is over."])], message_start() + start + halves + stop + message_end())
    assert answer.blocks[1]["json"].encode("utf-16", "surrogatepass").decode("utf-16") == "\U0001f600"


def test_tokens_that_are_told_within_a_block_end_nothing() -> None:
    start, first, second, stop = Text(["It is over. And", " more"]).events(0)
    told = event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 3})
    without = event("message_delta", usage={"output_tokens": 4})
    second_half = message_start() + start + first + told + without + second + stop + message_end()
    assert joined([Text(["It is over."])], second_half).text == "It is over. And more"


def test_an_event_on_several_lines_stays_one() -> None:
    lines = b'event: content_block_start\ndata: {"type": "content_block_start", "index": 0,\ndata: "content_block":\n'
    start = lines + b'data: {"type": "text",\ndata:\ndata: "text": ""}}\n\n'
    rest = message_start() + start + b"".join(list(Text([" yes"]).events(0))[1:]) + message_end()
    answer = joined([ToolCall("Write", ["{}"]), Text([])], rest, missing=2)
    assert answer.text == " yes"


@pytest.mark.parametrize(
    "odd",
    [
        event("content_block_start", index=[], content_block={"type": "tool_use"}),
        event("content_block_start", content_block={"type": "tool_use"}),
        event("content_block_delta", index={}, delta={"text": "x"}),
        event("content_block_stop", index="0"),
        event("content_block_delta", index=7, delta=[]),
    ],
)
def test_an_event_without_a_number_of_its_block_is_left_out(odd: bytes) -> None:
    assert JoinedStream(Delivered(), [], Tally()).feed(odd) == b""


def test_a_block_without_a_type_is_a_block() -> None:
    made = JoinedStream(Delivered(), [], Tally()).feed(
        event("content_block_start", index=3, content_block={"type": []})
    )
    assert b'"index":0' in made


def test_of_white_space_without_end_little_is_kept() -> None:
    delivered = Delivered()
    delivered.add(whole(Text(["It is over."])))
    stream = JoinedStream(delivered, [], Tally())
    start, blank, word, stop = Text([" " * 5000, "word"]).events(0)
    assert stream.feed(b"".join([start, *[blank] * 100])) == b""
    assert b"word" in (end := stream.feed(word + stop))
    assert len(end) < 6000


def test_white_space_without_end_is_not_held_at_the_seam() -> None:
    delivered = Delivered()
    delivered.add(b"".join(stream_of([HALF])[:-3]))
    stream = JoinedStream(delivered, [], Tally())
    start, blank, word, _ = Text([" " * 1000, "word"]).events(0)
    stream.feed(b"".join([start, *[blank] * 10]))
    assert b"word" in stream.feed(word)


@pytest.mark.parametrize("said", [[], [Text([])], [Text([" \n"])], [Thinking(["hm"])]])
def test_a_rest_that_says_nothing_does_not_end_half_a_sentence(said: Sequence[Block]) -> None:
    delivered = Delivered()
    delivered.add(b"".join(stream_of([HALF])[:-3]))
    stream = JoinedStream(delivered, [], Tally())
    assert stream.feed(whole(*said)) == b""
    assert (stream.broken, stream.has_content) == (True, False)


@pytest.mark.parametrize(
    ("first", "said", "stop_reason"),
    [
        (HALF, [Text(["I go on and on without an e"])], "end_turn"),
        (HALF, [], "refusal"),
        (HALF, [], "max_tokens"),
        (Text(["It is over."]), [], "end_turn"),
    ],
)
def test_a_rest_that_brings_nothing_new_may_end_an_answer(first: Text, said: Sequence[Block], stop_reason: str) -> None:
    answer = joined([first], b"".join(stream_of(said, stop_reason)))
    assert (answer.text, answer.stop_reason, answer.over) == ("".join(first.pieces), stop_reason, True)
