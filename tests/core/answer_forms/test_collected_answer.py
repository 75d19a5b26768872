"""An answer that is read to its end: JSON, or events that are gathered."""

from __future__ import annotations

import contextlib
import json

import pytest

from claude_proxy.core.answer_forms.collected_answer import CollectedAnswer, is_labelled_json, is_stream, labelled_json
from claude_proxy.core.judge_body import ClassifierConfig, judge_body
from claude_proxy.core.memory_budget import MemoryBudget
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Policy, Reply, Usage

JSON = b'{"type":"message","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn"}'
START = b'data: {"type":"message_start","message":{"type":"message"}}\n\n'
BLOCK = b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
TEXT = b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}\n\n'
STOPPED = b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
END = b'data: {"type":"message_stop"}\n\n'
STREAM = START + BLOCK + TEXT + STOPPED + END
BUSY = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'


CONFIG = ClassifierConfig(Policy(), Traits())


def answer() -> CollectedAnswer:
    head = Reply(200, ((b"content-type", b"text/event-stream"),), b"")
    return CollectedAnswer(head, 0.0, CONFIG, contextlib.nullcontext(), MemoryBudget().share())


def collected(body: bytes, size: int = 7) -> Whole | Rejected:
    collected_answer = answer()
    for start in range(0, len(body), size):
        if collected_answer.add(body[start : start + size]):
            break
    return judged(collected_answer)


def judged(collected_answer: CollectedAnswer) -> Whole | Rejected:
    reply = collected_answer.finish()
    return reply if isinstance(reply, Rejected) else judge_body(reply, CONFIG, 0.0)


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        (b"", None),
        (b" \n", None),
        (b"ev", None),
        (b"event:", True),
        (b"\xef\xbb\xbfdata: x", True),
        (b"\n\n: hi", True),
        (b"id:1", True),
        (b"retry: 3", True),
        (b"{", False),
        (b"  [", False),
        (b"evening", False),
        (b"<html>", False),
    ],
)
def test_a_stream_is_known_by_its_first_bytes(beginning: bytes, expected: bool | None) -> None:
    assert is_stream(beginning) is expected


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    "body", [JSON, b"\xef\xbb\xbf" + JSON, b" \n" + JSON, STREAM, b"\xef\xbb\xbf" + STREAM, b"\n\n" + STREAM]
)
def test_the_same_answer_in_any_form_however_it_is_cut(body: bytes, size: int) -> None:
    outcome = collected(body, size)
    assert isinstance(outcome, Whole)
    assert json.loads(outcome.reply.body) == json.loads(JSON)
    assert outcome.reply.headers == ((b"content-type", b"application/json"),)


@pytest.mark.parametrize("size", [7, 10_000])
@pytest.mark.parametrize(
    ("body", "label"),
    [
        (b"", "empty"),
        (b"<html>", "nonsense"),
        (BUSY, "overloaded_error"),
        (START + BLOCK + TEXT + BUSY, "overloaded_error"),
        (START + BLOCK + TEXT, "truncated"),
        (START + BLOCK, "truncated"),
        (TEXT, "malformed"),
        (START + BLOCK + TEXT.replace(b"text_delta", b"wave_delta") + STOPPED, "malformed"),
        (START + BLOCK + TEXT + STOPPED.replace(b"end_turn", b"network_error"), "api_error"),
        (START + END, "no_content"),
    ],
)
def test_what_is_no_answer_is_judged_as_a_stream_would_be(body: bytes, label: str, size: int) -> None:
    outcome = collected(body, size)
    assert isinstance(outcome, Rejected)
    assert outcome.reason.value == label


def test_an_answer_is_complete_behind_its_stop_reason() -> None:
    stream, whole = answer(), answer()
    stream.add(START + BLOCK + TEXT)
    assert not stream.is_complete
    stream.add(STOPPED)
    whole.add(JSON)
    assert stream.is_complete
    assert not whole.is_complete
    assert isinstance(judged(stream), Whole)


def test_nothing_is_read_behind_the_end() -> None:
    stream = answer()
    assert stream.add(STREAM)
    assert stream.size == len(STREAM) - len(END)


def test_a_message_that_is_labelled_keeps_its_label() -> None:
    headers = ((b"content-type", b"application/json; charset=utf-8"), (b"x-a", b"1"))
    assert is_labelled_json(headers)
    assert labelled_json(headers) == headers
    assert labelled_json(((b"x-a", b"1"), (b"content-type", b"text/plain"))) == (
        (b"x-a", b"1"),
        (b"content-type", b"application/json"),
    )


def test_the_tokens_that_events_have_told_are_known_before_the_end() -> None:
    started = answer()
    started.add(START.replace(b'"type":"message"}', b'"type":"message","usage":{"input_tokens":12}}'))
    assert started.usage == Usage(input_tokens=12)
