"""A whole message as events, and the events gathered again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core import sse
from claude_proxy.core.answer_forms.gathered_message import GatheredMessage
from claude_proxy.core.answer_forms.message_events import MAX_EVENTS, message_events

MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": []}
END = {"stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 4}}


def events_of(message: dict[str, Any] | bytes) -> list[tuple[str, Any]]:
    written = message if isinstance(message, bytes) else json.dumps(message).encode()
    parsed = [sse.parse(piece) for piece, _ in sse.split(message_events(written) or b"")]
    return [(event.name, json.loads(event.data)) for event in parsed if event]


def again(message: dict[str, Any]) -> dict[str, Any]:
    gathered = GatheredMessage()
    gathered.feed(message_events(json.dumps(message).encode()) or b"")
    body = gathered.body()
    assert body is not None, gathered.fault
    whole: dict[str, Any] = json.loads(body)
    return whole


BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": 'hello\n\u2028 \U0001f600 \\ "'},
    {"type": "text", "text": ""},
    {"type": "text", "text": "x", "citations": [{"type": "char_location", "cited_text": "y"}]},
    {"type": "text", "text": "x", "citations": None},
    {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "ZGF0YQ=="},
    {"type": "tool_use", "id": "t", "name": "Read", "input": {"a": '\n"\\', "b": [1.5, {}]}},
    {"type": "tool_use", "id": "t", "name": "Now", "input": {}},
    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
    {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]},
    {"type": "brand_new", "input": {"kept": True}},
]


@given(st.lists(st.sampled_from(BLOCKS), max_size=5))
def test_a_message_is_the_same_after_the_way_through_events(blocks: list[dict[str, Any]]) -> None:
    message = {**MESSAGE, "content": blocks, **END}
    assert again(message) == message


def test_events_stand_in_the_apis_order_with_their_indices() -> None:
    events = events_of({**MESSAGE, "content": [BLOCKS[0], BLOCKS[10]], **END})
    assert [(name, data["type"], data.get("index")) for name, data in events] == [
        (name, name, index)
        for name, index in [
            ("message_start", None),
            ("content_block_start", 0),
            ("content_block_delta", 0),
            ("content_block_stop", 0),
            ("content_block_start", 1),
            ("content_block_stop", 1),
            ("message_delta", None),
            ("message_stop", None),
        ]
    ]


def test_members_of_the_end_stand_at_the_end() -> None:
    more = {"container": {"id": "c"}, "context_management": {"applied_edits": []}}
    events = events_of({**MESSAGE, **END, **more})
    assert events[-2][1] == {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None, "container": {"id": "c"}},
        "usage": {"input_tokens": 3, "output_tokens": 4},
        "context_management": {"applied_edits": []},
    }
    assert not more.keys() & events[0][1]["message"].keys()
    assert again({**MESSAGE, **END, **more}) == {**MESSAGE, **END, **more}


@pytest.mark.parametrize(
    ("blocks", "reason"), [([BLOCKS[0]], "end_turn"), ([BLOCKS[0], BLOCKS[6]], "tool_use"), ([], None)]
)
def test_a_missing_stop_reason_is_that_of_the_content(blocks: list[Any], reason: str | None) -> None:
    events = events_of({**MESSAGE, "content": blocks})
    assert events[-2][1]["delta"]["stop_reason"] == reason
    assert events[-2][1]["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert events[0][1]["message"]["usage"] == {"input_tokens": 0, "output_tokens": 0}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"{\\"a\\":1}"', '{"a":1}'),
        ("null", "{}"),
        ('{ "a" :\n1 }', '{ "a" :\n1 }'),
        ('{"a":"\\ud83d"}', '{"a":"\\ufffd"}'),
    ],
)
def test_the_input_of_a_tool_is_json_in_a_text_in_whichever_form_it_came(value: str, text: str) -> None:
    block = f'{{"type":"tool_use","id":"t","name":"n","input":{value}}}'
    events = events_of(f'{{"type":"message","content":[{block}],"usage":[]}}'.encode())
    assert events[2][1]["delta"]["partial_json"] == text


@pytest.mark.parametrize(
    "block", [b"7", b"{}", b'{"type":"text"}', b'{"type":"text","text":7}', b'{"type":"tool_use"}']
)
def test_a_block_of_another_shape_harms_no_other(block: bytes) -> None:
    events = events_of(b'{"type":"message","content":[%b,{"type":"text","text":"x"}]}' % block)
    assert {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "x"}} in [
        data for _, data in events
    ]


def test_half_a_surrogate_pair_is_replaced() -> None:
    body = rb'{"type":"message","content":[{"type":"text","text":"\ud83d"}],"stop_reason":"end_turn"}'
    assert rb'"delta":{"type":"text_delta","text":"\ufffd"}' in (message_events(body) or b"")


def test_line_ends_in_a_value_break_no_event() -> None:
    body = b'{"type":"message","content":[{"type":"new",\n\n"a":\r\n[1]}]}'
    assert len(events_of(body)) == 5


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "a"}] * (MAX_EVENTS // 3 + 1),
        [{"type": "text", "text": "a", "citations": [{}] * (MAX_EVENTS + 1)}],
    ],
    ids=["blocks", "citations"],
)
def test_a_message_of_very_many_parts_becomes_no_events(content: list[Any]) -> None:
    body = {"type": "message", "content": content, "stop_reason": "end_turn"}
    assert message_events(json.dumps(body).encode()) is None
