"""Names for events that have none, and errors in the API's form."""

from __future__ import annotations

import json

import pytest

from claude_proxy.core import sse
from claude_proxy.core.answer_forms.event_names import as_error_event, with_names

TYPED = b'data: {"type":"ping"}\n\n'
NAMED = b'event: ping\ndata: {"type":"ping"}\n\n'


@pytest.mark.parametrize(
    "block",
    [
        NAMED,
        b": hi\n\n",
        b"data: [DONE]\n\n",
        b'data: {"type":"a b"}\n\n',
        b'data: {"type":"a\\nb"}\n\n',
        b'data: {"type":7}\n\n',
        b"\n\n\n\n",
        b'event: other\ndata: {"type":"ping"}\n\n',
        b"",
        NAMED + b"half an event",
    ],
)
def test_leaves_all_else_byte_for_byte(block: bytes) -> None:
    assert with_names(block) == block


def test_adds_a_name_to_each_event_that_lacks_one() -> None:
    assert with_names(TYPED + NAMED + b": hi\n\n" + TYPED) == NAMED + NAMED + b": hi\n\n" + NAMED


@pytest.mark.parametrize("line_end", [b"\r", b"\r\n", b"\n"])
def test_the_lines_of_an_event_stay_its_lines(line_end: bytes) -> None:
    block = with_names(b'id: 1\ndata: {"type":\ndata: "ping"}\nevent: message\n\n'.replace(b"\n", line_end))
    assert sse.parse(block[:-2]) == sse.ServerSentEvent("ping", b'{"type":\n"ping"}')
    assert block.count(b"\n\n") == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (b'{"type":"error","error":{"type":"new_error","message":"x"}}', "new_error"),
        (b'{"error":{"type":"rate_limit_error","message":"x"}}', "rate_limit_error"),
        (b'{"error":{"code":502,"message":"x"}}', "api_error"),
    ],
)
def test_an_error_gets_its_name_and_the_apis_form(error: bytes, kind: str) -> None:
    event = sse.parse(as_error_event(b"data: " + error + b"\n\n").rstrip())
    assert event is not None
    assert (event.name, json.loads(event.data)["type"], json.loads(event.data)["error"]["type"]) == (
        "error",
        "error",
        kind,
    )


@pytest.mark.parametrize("whole", [NAMED, TYPED, b": hi\n\n", b"data: 7\n\n", b"event: error\ndata: busy\n\n"])
def test_what_is_no_nameless_error_stays(whole: bytes) -> None:
    assert as_error_event(whole) == whole
