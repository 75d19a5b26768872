"""The verdicts of the fault laboratory: each from bytes that can mean nothing else."""

from __future__ import annotations

import json

import pytest
from bench.faults.answers import TEXT, VERSE, Answer
from bench.faults.faults import FAULTS, Fault, Kind, Stage
from bench.faults.verdicts import Verdict, judge
from bench.faults.wire_client import Received

from fakes.scripts import MESSAGE_STOP, PING, block_stop, stream_error
from fakes.steps import Event, error_body, text_delta

FAULT = FAULTS[0]
WRONG_REQUEST = Fault("400", Stage.REQUEST, (Kind.TOOLS,), None, error=400)
EVENTS = Answer(thinking=True, text=TEXT, call={"file_path": "verse.txt", "content": VERSE}).events()
TEXT_AT = next(at for at, event in enumerate(EVENTS) if "text" in event.data.get("delta", ()))


def stream(*events: Event, **how: bool) -> Received:
    return Received(200, {}, b"".join(event.encode() for event in events), **how)


def verdict(received: Received, fault: Fault = FAULT, kind: Kind = Kind.TOOLS) -> Verdict:
    return judge(fault, kind, received).verdict


def test_a_complete_answer_is_whole() -> None:
    assert verdict(stream(*EVENTS)) is Verdict.WHOLE


def test_pings_and_unknown_events_do_no_harm() -> None:
    assert verdict(stream(EVENTS[0], PING, Event("news"), *EVENTS[1:])) is Verdict.WHOLE


def test_message_stop_may_be_missing() -> None:
    assert verdict(stream(*EVENTS[:-1])) is Verdict.WHOLE


@pytest.mark.parametrize("events", range(1, len(EVENTS) - 1))
def test_an_end_before_the_stop_reason_is_corrupt_if_nothing_says_so(events: int) -> None:
    assert verdict(stream(*EVENTS[:events])) is Verdict.CORRUPT
    assert verdict(stream(*EVENTS[:events], broken=True)) is Verdict.ERROR
    assert verdict(stream(*EVENTS[:events], stream_error("overloaded_error"))) is Verdict.ERROR
    assert verdict(stream(*EVENTS[:events], hung=True)) is Verdict.HANG


@pytest.mark.parametrize(
    "events",
    [
        [EVENTS[0], *EVENTS],
        EVENTS[1:],
        [*EVENTS[: TEXT_AT + 1], *EVENTS[TEXT_AT:]],
        [*EVENTS[:TEXT_AT], *EVENTS[TEXT_AT + 1 :]],
        [*EVENTS[:-3], *EVENTS[-2:]],
        [*EVENTS[:-4], *EVENTS[-3:]],
        [*EVENTS[:-2], block_stop(2), *EVENTS[-2:]],
        [*EVENTS[: TEXT_AT + 1], text_delta("stray", 9), *EVENTS[TEXT_AT + 1 :]],
        [*EVENTS, MESSAGE_STOP],
    ],
    ids=[
        "two beginnings",
        "no beginning",
        "a piece of text twice",
        "a piece of text missing",
        "a block without its end",
        "a call that is not JSON",
        "a block that ends twice",
        "a delta of another block",
        "two ends",
    ],
)
def test_another_answer_is_corrupt(events: list[Event]) -> None:
    assert verdict(stream(*events)) is Verdict.CORRUPT


def test_a_body_that_is_no_answer_is_corrupt() -> None:
    error = Received(200, {}, error_body("overloaded_error", "busy"))
    assert verdict(error) is Verdict.CORRUPT
    assert verdict(error, kind=Kind.WHOLE) is Verdict.CORRUPT
    assert verdict(Received(200, {}, b"<html>"), kind=Kind.WHOLE) is Verdict.CORRUPT
    assert verdict(Received(200, {}, b"[]"), kind=Kind.WHOLE) is Verdict.CORRUPT


def test_an_answer_that_is_not_streamed_is_whole_with_its_text() -> None:
    whole = Answer(thinking=True, text=TEXT).json()
    assert verdict(Received(200, {}, whole), kind=Kind.WHOLE) is Verdict.WHOLE
    other = json.dumps(json.loads(whole) | {"content": []}).encode()
    assert verdict(Received(200, {}, other), kind=Kind.WHOLE) is Verdict.CORRUPT
    assert verdict(Received(200, {}, whole[:50], broken=True), kind=Kind.WHOLE) is Verdict.ERROR


def test_an_error_of_the_request_must_reach_the_client_with_its_status() -> None:
    assert verdict(Received(400, {}, error_body("invalid_request_error", "no")), WRONG_REQUEST) is Verdict.ERROR
    assert verdict(Received(500, {}, error_body("api_error", "no")), WRONG_REQUEST) is Verdict.HIDDEN
    assert verdict(stream(*EVENTS), WRONG_REQUEST) is Verdict.HIDDEN
