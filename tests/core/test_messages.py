from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.messages import MESSAGE_STOP, PING, error_body, error_event, read_error
from claude_proxy.core.sse import SSEDecoder
from core.builders import events


@pytest.mark.parametrize(("event", "kind"), [(PING, "ping"), (MESSAGE_STOP, "message_stop")])
def test_the_proxys_own_events_are_whole(event: bytes, kind: str) -> None:
    [read] = events(SSEDecoder().feed(event))
    assert read.name == kind
    assert json.loads(read.data) == {"type": kind}


@given(st.text(), st.text())
def test_reads_an_error_as_it_was_written(kind: str, message: str) -> None:
    body = error_body(kind, message)
    assert json.loads(body) == {"type": "error", "error": {"type": kind, "message": message}}
    assert read_error(body) == (kind, message)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error":{"type":"api_error","message":"x","more":[1]},"request_id":"r"}', ("api_error", "x")),
        (b'{"error":{"type":"api_error"}}', ("api_error", "")),
        (b'{"error":{}}', ("", "")),
        (b'{"type":"error"}', None),
        (b'{"error":"overloaded"}', None),
        (b'{"base_resp":{"status_code":1002}}', ("1002", "")),
        (b'{"base_resp":{"status_code":0}}', None),
        (b'{"error":{"code":"1308","message":"x"}}', ("1308", "x")),
        (b'{"error":{"type":"api_error","mess', None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_reads_an_error_without_its_outer_type_but_not_without_its_content(
    body: bytes, error: tuple[str, str] | None
) -> None:
    assert read_error(body) == error


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_an_error_over_many_lines_becomes_one_event_with_the_same_content(line_end: str) -> None:
    body = json.dumps({"error": {"type": "api_error", "message": "a\nb"}}, indent=2).replace("\n", line_end).encode()
    block = SSEDecoder().feed(error_event(body))
    [event] = events(block)
    assert event.name == "error"
    assert read_error(event.data) == ("api_error", "a\nb")
