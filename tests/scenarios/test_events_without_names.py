"""A stream whose events have no names: they are added, since the official clients read nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest

from claude_proxy.core.types import Ending, Usage
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import MESSAGE_STOP, PING, block_start, block_stop, message, message_delta, message_start, tool_use
from fakes.steps import Body, Event, Script, Status, Step, Stream, text_delta
from fakes.stream_checks import ending_of, text_of

EVENTS = [
    message_start(),
    PING,
    block_start({"type": "text", "text": ""}),
    text_delta("hel"),
    text_delta("lo"),
    block_stop(),
    message_delta(),
    MESSAGE_STOP,
]


def nameless(event: Event) -> bytes:
    return event.encode().partition(b"\n")[2]


FORMS: Mapping[str, Callable[[Event], bytes]] = {
    "data only": nameless,
    "an empty name": lambda event: b"event:\n" + nameless(event),
    "the standard's name": lambda event: b"event: message\n" + nameless(event),
    "the standard's name behind the data": lambda event: nameless(event)[:-1] + b"event: message\n\n",
    "ids": lambda event: b"id: 7\n" + nameless(event),
    "CRLF": lambda event: nameless(event).replace(b"\n", b"\r\n"),
    "only deltas are nameless": lambda event: nameless(event) if "delta" in event.name else event.encode(),
    "a mark of the byte order": lambda event: b"\xef\xbb\xbf" * (event.name == "message_start") + nameless(event),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize("continued", [True, False], ids=["continued", "not continued"])
@async_test
async def test_names_are_added(form: str, at_once: bool, continued: bool) -> None:
    pieces = list(map(FORMS[form], EVENTS))
    body: list[Step] = [Body(b"".join(pieces))] if at_once else [Body(piece) for piece in pieces]
    async with running_proxy(FakeProvider([Stream(), *body]), continue_answers=continued) as proxy:
        raw = await (await proxy.post()).read()
        [account] = await proxy.ledger.wait_for_accounts(1)
    named = re.findall(rb'^event: (\w+)\n(?:.*\n)*?data: {"type":"(\w+)"', raw.replace(b"\r\n", b"\n"), re.MULTILINE)
    assert [name for name, _ in named] == [event.name.encode() for event in EVENTS]
    assert all(name == kind for name, kind in named)
    assert (account.ending, account.usage) == (Ending.COMPLETE, Usage(12, 7))


@async_test
async def test_events_with_names_stay_byte_for_byte() -> None:
    odd = b'id: 1\nevent:message_delta\ndata:{"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    written = b"".join([*(event.encode() for event in EVENTS[:-2]), odd, MESSAGE_STOP.encode()])
    async with running_proxy(FakeProvider([Status(200, written, {"content-type": "text/event-stream"})])) as proxy:
        assert await (await proxy.post()).read() == written


ERRORS = {
    "typed": b'data: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n',
    "untyped": b'data: {"error":{"message":"busy","code":502}}\n\n',
    "in one line of another form": b'event: message\ndata: {"error":{"type":"server_error","message":"busy"}}\n\n',
}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("named", [True, False], ids=["among named events", "among nameless events"])
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
@async_test
async def test_an_error_without_a_name_ends_the_stream_well_formed(error: str, named: bool, at_once: bool) -> None:
    pieces = [event.encode() if named else nameless(event) for event in EVENTS[:4]] + [ERRORS[error]]
    body: list[Step] = [Body(b"".join(pieces))] if at_once else [Body(piece) for piece in pieces]
    async with running_proxy(FakeProvider([Stream(), *body]), continue_answers=False) as proxy:
        events = await (await proxy.post()).all_events()
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert (text_of(events), ending_of(events)) == ("hel", "error")
    assert (events[-1].data["type"], events[-1].data["error"]["message"]) == ("error", "busy")
    assert account.ending is Ending.ERROR


EMPTY: Mapping[str, Script] = {
    "a tool call": [
        Stream(),
        message_start(),
        block_start({"type": "tool_use", "id": "t", "name": "Write", "input": {}}),
        Event("content_block_delta", {"index": 0, "delta": {"type": "input_json_delta", "partial_json": ""}}),
    ],
    "text": [Stream(), message_start(), block_start({"type": "text", "text": ""}), text_delta("")],
    "thinking": [
        Stream(),
        message_start(),
        block_start({"type": "thinking", "thinking": ""}),
        Event("content_block_delta", {"index": 0, "delta": {"type": "thinking_delta", "thinking": ""}}),
    ],
}


@pytest.mark.parametrize("end", [[], [Body(ERRORS["typed"])]], ids=["cut off", "an error"])
@pytest.mark.parametrize("kind", EMPTY)
@async_test
async def test_a_first_delta_that_carries_nothing_does_not_commit(kind: str, end: Script) -> None:
    first = FakeProvider([*EMPTY[kind], *end])
    async with running_proxy(first, FakeProvider(message("hello")), continue_answers=False) as proxy:
        events = await (await proxy.post()).all_events()
    assert (text_of(events), ending_of(events)) == ("hello", "message_stop")


@async_test
async def test_a_tool_call_without_arguments_is_an_answer() -> None:
    stop: list[Step] = [block_stop(), message_delta("tool_use"), MESSAGE_STOP]
    async with running_proxy(FakeProvider([*EMPTY["a tool call"], *stop])) as proxy:
        events = await (await proxy.post()).all_events()
    assert ending_of(events) == "message_stop"


FAILURES = ["network_error", "error", "upstream_timeout", "aborted", "server_overloaded", "CANCELLED"]


@pytest.mark.parametrize("reason", [*FAILURES, "stop", "something_new"])
@async_test
async def test_a_foreign_stop_reason_without_content_fails_over(reason: str) -> None:
    first = FakeProvider([*EMPTY["text"], block_stop(), message_delta(reason), MESSAGE_STOP])
    async with running_proxy(first, FakeProvider(message("hello"))) as proxy:
        events = await (await proxy.post()).all_events()
        assert (await proxy.status())["minimax"]["strikes"] == 1
    assert (text_of(events), ending_of(events)) == ("hello", "message_stop")


@pytest.mark.parametrize("reason", FAILURES)
@async_test
async def test_an_answer_that_stops_with_a_failure_broke_off(reason: str) -> None:
    script: Script = [Stream(), *EVENTS[:6], message_delta(reason), MESSAGE_STOP]
    async with running_proxy(FakeProvider(script), continue_answers=False) as proxy:
        events = await (await proxy.post()).all_events()
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert (text_of(events), ending_of(events), account.ending) == ("hello", "error", Ending.ERROR)


@async_test
async def test_an_answer_that_stops_with_a_failure_is_continued() -> None:
    first = FakeProvider([Stream(), *EVENTS[:6], message_delta("network_error"), MESSAGE_STOP])
    async with running_proxy(first, FakeProvider(message("Hello again."))) as proxy:
        events = await (await proxy.post()).all_events()
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert (ending_of(events), account.ending) == ("message_stop", Ending.RECOVERED)


@async_test
async def test_whole_tool_calls_before_a_failure_are_an_answer() -> None:
    *call, _, _ = tool_use("Read", {"path": "a"})
    first = FakeProvider([*call, message_delta("network_error"), MESSAGE_STOP])
    async with running_proxy(first, FakeProvider(message())) as proxy:
        events = await (await proxy.post()).all_events()
    assert events[-2].data["delta"]["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("reason", "relayed"),
    [
        ("length", "max_tokens"),
        ("stop", "end_turn"),
        ("STOP", "end_turn"),
        ("content_filter", "refusal"),
        ("new", "new"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@async_test
async def test_a_foreign_stop_reason_becomes_the_apis(reason: str, relayed: str, at_once: bool, stream: bool) -> None:
    events = [*EVENTS[:6], message_delta(reason), MESSAGE_STOP]
    body: list[Step] = [Body(b"".join(event.encode() for event in events))] if at_once else [*events]
    async with running_proxy(FakeProvider([Stream(), *body])) as proxy:
        answer = await proxy.post(stream=stream)
        if stream:
            heard = await answer.all_events()
            assert ending_of(heard) == "message_stop"
            assert heard[-2].data == {**heard[-2].data, "delta": {"stop_reason": relayed, "stop_sequence": None}}
            assert heard[-2].data["usage"] == {"output_tokens": 7}
        else:
            assert (await answer.json())["stop_reason"] == relayed
