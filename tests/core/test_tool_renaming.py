from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.memory_budget import MemoryBudget
from claude_proxy.core.tool_renaming import RenamingDecoder, rename_calls

NAMES = {"t_3d_abc": "3d.view"}
CALL = (
    b'event: content_block_start\ndata: {"type":"content_block_start","index":1,'
    b'"content_block":{"type":"tool_use","id":"a","name":"%b","input":{}}}\n\n'
)
TEXT = b'event: content_block_delta\ndata: {"delta":{"type":"text_delta","text":"tool_use t_3d_abc"}}\n\n'


def decoded(*pieces: bytes) -> bytes:
    decoder = RenamingDecoder(MemoryBudget().share(), NAMES)
    return b"".join(map(decoder.feed, pieces))


@given(st.lists(st.integers(0, 600), max_size=6))
def test_a_call_gets_the_tools_own_name_back_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    stream = b": hi\n\n" + TEXT + CALL % b"t_3d_abc" + TEXT
    places = sorted({0, *cuts, len(stream)})
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    assert decoded(*pieces) == b": hi\n\n" + TEXT + CALL % b"3d.view" + TEXT


@pytest.mark.parametrize(
    "events",
    [
        CALL % b"Read",
        CALL.replace(b"tool_use", b"server_tool_use") % b"t_3d_abc",
        TEXT,
        b"data: tool_use\n\n",
        b'data: {"content_block":"tool_use"}\n\n',
        b": tool_use\n\n",
    ],
)
def test_everything_else_stays_byte_for_byte(events: bytes) -> None:
    assert decoded(events) == events


def test_an_event_without_a_name_has_none_afterwards() -> None:
    nameless = CALL.split(b"\n", 1)[1]
    assert decoded(nameless % b"t_3d_abc") == nameless % b"3d.view"


def test_a_whole_answer_gets_the_names_back_and_keeps_the_rest() -> None:
    answer = b'{"id" : "m","content":[{"type":"text","text":"t_3d_abc"},{"type":"tool_use","name":"%b"}]}'
    renamed = json.loads(rename_calls(answer % b"t_3d_abc", NAMES))
    assert renamed == json.loads(answer % b"3d.view")
    assert rename_calls(answer % b"Read", NAMES) == answer % b"Read"


@pytest.mark.parametrize("answer", [b"", b"tool_use", b'{"content":"tool_use"}', b'{"content":[{"type":"text"}]}'])
def test_an_answer_without_calls_stays(answer: bytes) -> None:
    assert rename_calls(answer, NAMES) == answer


def test_an_event_on_several_lines_stays_one() -> None:
    lines = CALL.replace(b'"input":{}', b'\ndata: "input": {\ndata: }')
    renamed = decoded(lines % b"t_3d_abc")
    assert renamed.count(b"\n") == 3
    assert json.loads(renamed.split(b"data: ")[1])["content_block"]["name"] == "3d.view"
