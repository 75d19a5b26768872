"""The events of an answer, gathered into a message, or why they make none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.answer_forms.gathered_message import GatheredMessage

START = {"type": "message_start", "message": {"type": "message", "content": [], "usage": {"input_tokens": 3}}}
TEXT = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
CALL = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "input": {}}}


def delta(kind: str, index: int = 0, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


def stop(reason: str | None, **members: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, **members}


def gathered(*events: dict[str, Any] | bytes) -> GatheredMessage:
    message = GatheredMessage()
    for event in events:
        message.feed(b"data: %b\n\n" % (event if isinstance(event, bytes) else json.dumps(event).encode()))
    return message


def body_of(*events: dict[str, Any] | bytes) -> dict[str, Any]:
    body = gathered(*events).body()
    assert body is not None
    whole: dict[str, Any] = json.loads(body)
    return whole


def test_usage_is_that_of_the_start_and_of_the_end() -> None:
    end = stop("end_turn", usage={"output_tokens": 9, "input_tokens": None})
    assert body_of(START, end)["usage"] == {"input_tokens": 3, "output_tokens": 9}


def test_a_message_without_usage_has_none() -> None:
    assert "usage" not in body_of({"type": "message_start", "message": {"type": "message"}}, stop("end_turn"))


def test_pings_comments_and_unknown_events_are_skipped() -> None:
    message = gathered(
        START, {"type": "ping"}, {"type": "new_event", "index": "x"}, TEXT, delta("text_delta", text="x")
    )
    message.feed(b": hi\n\n")
    assert json.loads(message.body() or b"")["content"] == [{"type": "text", "text": "x"}]


def test_blocks_stand_in_the_order_of_their_indices() -> None:
    assert [
        block["text"]
        for block in body_of(START, {**TEXT, "index": 1}, TEXT, delta("text_delta", 1, text="b"))["content"]
    ] == ["", "b"]


def test_a_signature_in_pieces_and_a_compaction_are_put_together() -> None:
    thinking = {**TEXT, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}
    compaction = {**TEXT, "index": 1, "content_block": {"type": "compaction", "content": None}}
    signed = (delta("signature_delta", signature="a"), delta("signature_delta", signature="b"))
    [first, second] = body_of(START, thinking, *signed, compaction, delta("compaction_delta", 1, content="short"))[
        "content"
    ]
    assert (first["signature"], second["content"]) == ("ab", "short")


def test_half_a_surrogate_pair_is_replaced() -> None:
    half = rb'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\ud83d"}}'
    assert body_of(START, TEXT, half)["content"][0]["text"] == "a\ufffd"


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([TEXT, delta("wave_delta", wave=1)], "a delta of the type wave_delta is not known"),
        ([TEXT, delta("citations_delta")], "a delta of the type citations_delta is not known"),
        ([delta("text_delta", text="x")], "a text_delta belongs to no block"),
        ([b'{"type":"content_block_delta","index":[],"delta":{}}'], "content_block_delta can't be read"),
        ([CALL, delta("input_json_delta", partial_json='{"a":'), stop("tool_use")], "the input of a tool is not JSON"),
        (
            [
                CALL,
                rb'{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\ud83d"}}',
            ],
            "the input of a tool is not JSON",
        ),
    ],
)
def test_what_makes_no_message_is_said(events: list[dict[str, Any] | bytes], fault: str) -> None:
    message = gathered(START, *events, {"type": "message_stop"})
    assert (message.body(), message.fault) == (None, fault)


@pytest.mark.parametrize("reason", ["max_tokens", "length"])
def test_a_call_that_the_model_did_not_finish_has_no_input(reason: str) -> None:
    whole = body_of(START, CALL, delta("input_json_delta", partial_json='{"a":'), stop(reason))
    assert (whole["content"][0]["input"], whole["stop_reason"]) == ({}, "max_tokens")


def test_what_was_held_is_counted() -> None:
    assert gathered(TEXT).size == len(json.dumps(TEXT)) + 8
