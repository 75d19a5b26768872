from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.sse import ServerSentEvent
from claude_proxy.core.stream_start import StreamStart
from fakes.steps import Event

START = Event("message_start", {"message": {}})
BLOCK = Event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
DELTA = Event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "hi"}})
BEGUN = (START, BLOCK)


def event(data: bytes | dict[str, Any], name: str = "") -> ServerSentEvent:
    return ServerSentEvent(name, data if isinstance(data, bytes) else json.dumps(data).encode())


def fault(last: ServerSentEvent, *before: Event) -> str:
    start = StreamStart()
    for earlier in before:
        assert start.fault(event({"type": earlier.name, **earlier.data}, earlier.name)) == ""
    return start.fault(last)


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(event({"type": "ping"}, "ping"), id="a ping"),
        pytest.param(event(b"", "ping"), id="a ping without JSON"),
        pytest.param(event({"type": "news"}, "news"), id="an unknown type"),
        pytest.param(event({"anything": 1}, "news"), id="an unknown event without a type"),
        pytest.param(event(b"[DONE]"), id="no name and no type"),
        pytest.param(event({"type": "news"}), id="an unknown type without a name"),
        pytest.param(event({"type": "message_start", "message": {}}), id="a message_start without a name"),
    ],
)
def test_what_clients_skip_or_wait_for_may_come_first(last: ServerSentEvent) -> None:
    assert fault(last) == ""


@pytest.mark.parametrize(
    "data",
    [
        DELTA.data,
        {"index": 0, "delta": {"type": "news_delta"}, "more": [10**30]},
        {"index": 0, "delta": {"type": "thinking_delta", "thinking": ""}},
    ],
)
@pytest.mark.parametrize("name", ["content_block_delta", ""])
def test_content_comes_in_a_block_that_has_begun(data: dict[str, Any], name: str) -> None:
    assert fault(event({"type": "content_block_delta", **data}, name), *BEGUN) == ""


@pytest.mark.parametrize("text", [r"half a pair: \ud83d", r"\uD83D\uDE00", r"\\ud83d and \udbff", "\xff"])
def test_a_text_that_is_cut_within_a_character_is_content(text: str) -> None:
    data = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%b"}}' % text.encode(
        "latin-1"
    )
    assert fault(event(data, "content_block_delta"), *BEGUN) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"<html><body>Bad gateway</body></html>",
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_del',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\x00"}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\ud83d"}',
        b'[{"type":"content_block_delta"}]',
        b'"content_block_delta"',
        b"null",
        b"",
        b"[" * 100_000,
        b'{"type":"content_block_delta","delta":' + b"\\ud83d" * 20_000,
        {},
        {"index": 0, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "Content_Block_Delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "content_block_delta\x00", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "content_block_delta", "index": "0", "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "content_block_delta", "index": 0},
        {"type": "content_block_delta", "index": 0, "delta": None},
        {"type": "content_block_delta", "index": 0, "delta": "hi"},
        {"type": "content_block_delta", "index": 0, "delta": {"text": "hi"}},
    ],
)
def test_content_that_is_no_json_of_its_type_is_a_fault(data: bytes | dict[str, Any]) -> None:
    assert fault(event(data, "content_block_delta"), *BEGUN) == "content_block_delta is not what its name says"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("message_start", {}),
        ("message_start", {"message": None}),
        ("message_start", {"message": "m"}),
        ("content_block_start", {"index": 0}),
        ("content_block_start", {"index": 0, "content_block": {}}),
        ("content_block_start", {"content_block": {"type": "text"}}),
        ("message_delta", {"delta": None}),
        ("message_delta", {"usage": {}}),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_an_event_without_what_its_type_promises_is_a_fault(kind: str, data: dict[str, Any], *, named: bool) -> None:
    broken = event({"type": kind, **data}, kind if named else "")
    assert fault(broken, START) == f"{kind} is not what its name says"


@pytest.mark.parametrize(
    "name",
    ["Content_Block_Delta", "CONTENT_BLOCK_DELTA", "content_block_delta\x00", "\x00content_block_delta", "delta", " "],
)
def test_an_event_under_another_name_than_its_type_is_a_fault(name: str) -> None:
    delta = event({"type": "content_block_delta", **DELTA.data}, name)
    assert fault(delta, *BEGUN) == "its name and its data differ"


@pytest.mark.parametrize("data", [b"<html>", b"{", b"[]", b"1", b"news"])
def test_an_unknown_event_that_is_no_object_is_a_fault(data: bytes) -> None:
    assert fault(event(data, "news")) == "its name and its data differ"


@pytest.mark.parametrize("kind", ["content_block_start", "content_block_delta", "message_delta", "message_stop"])
@pytest.mark.parametrize("named", [True, False])
def test_nothing_may_come_before_message_start(kind: str, *, named: bool) -> None:
    data = {"index": 0, "content_block": {"type": "text"}, "delta": {"type": "text_delta"}}
    early = event({"type": kind, **data}, kind if named else "")
    assert fault(early) == f"{kind} came before message_start"


def test_content_of_another_block_than_those_begun_is_a_fault() -> None:
    other = event({"type": "content_block_delta", **DELTA.data, "index": 1}, "content_block_delta")
    assert fault(other, *BEGUN) == "content_block_delta came before its content_block_start"
    assert fault(other, START, Event("content_block_stop", {"index": 0})) == (
        "content_block_delta came before its content_block_start"
    )
