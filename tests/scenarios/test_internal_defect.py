"""A defect of the proxy's own: it costs no answer that another provider has, and leaves no stream without an end."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any
from unittest import mock

import pytest

from claude_proxy.core import judge_body, judge_stream, limits, messages, reply, signatures, sse, usage
from claude_proxy.core.failover import Failover
from claude_proxy.core.types import Ending
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.proxy import attempt, gateway, handler, keepalive, recorder, relay
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import (
    MESSAGE_STOP,
    answers,
    block_stop,
    error_event,
    json_answer,
    json_message,
    message,
    message_delta,
    opening,
    thinking_then_text,
)
from fakes.steps import Script, Stall, Status, Wait, error_body
from fakes.stream_checks import complete_text, ending_of, text_of

LONG_S = "Please retry in 5 \N{LATIN SMALL LETTER LONG S}."
REST = [block_stop(), message_delta(), MESSAGE_STOP]


def broken(owner: Any, name: str) -> Any:
    """Make a function raise what no one expects of it."""
    return mock.patch.object(owner, name, side_effect=KeyError("a defect"))


@pytest.mark.parametrize("target", ["/v1/messages", "/v1/messages/count_tokens"])
@async_test
async def test_a_defect_is_recorded_as_an_error(target: str) -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        with mock.patch.object(gateway, "session_key", side_effect=ZeroDivisionError):
            answer = await proxy.post(target)
        assert (answer.status, (await answer.json())["error"]["type"]) == (500, "api_error")
        (account,) = await proxy.ledger.wait_for_accounts(1)
        assert (account.ending, account.status) == (Ending.ERROR, 500)
        assert await proxy.ledger.note_with("ZeroDivisionError")


READERS = {
    "an error": (attempt, "judge_body"),
    "the time of return": (judge_body, "time_in_words"),
    "the codes of an error": (limits, "limit_of"),
}


@pytest.mark.parametrize(("owner", "name"), READERS.values(), ids=READERS)
@async_test
async def test_an_error_that_cannot_be_read_fails_over_by_its_status(owner: Any, name: str) -> None:
    first = FakeProvider([Status(429, error_body("rate_limit_error", LONG_S))])
    async with running_proxy(first, FakeProvider(message("hello"))) as proxy:
        with broken(owner, name):
            assert await complete_text(await proxy.post()) == "hello"
        (account,) = await proxy.ledger.wait_for_accounts(1)
        report = (await proxy.status())["minimax"]
    assert [str(attempt) for attempt in account.attempts] == ["minimax=429", "moonshot=200"]
    assert (report["state"], report["reason"]) == ("cooldown", "429")
    assert (len(first.requests), account.ending) == (1, Ending.COMPLETE)


@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_an_error_of_the_request_that_cannot_be_read_is_relayed(*, stream: bool) -> None:
    body = error_body("invalid_request_error", LONG_S)
    second = FakeProvider(answers("hello"))
    async with running_proxy(FakeProvider([Status(400, body)]), second) as proxy:
        with broken(attempt, "judge_body"):
            answer = await proxy.post(stream=stream)
        assert (answer.status, await answer.read()) == (400, body)
    assert second.requests == []


UNREADABLE: dict[str, Script] = {
    "a message": json_message(),
    "an error behind 200": json_answer(200, {"error": {"type": "rate_limit_error", "message": LONG_S}}),
}


@pytest.mark.parametrize("script", UNREADABLE.values(), ids=UNREADABLE)
@async_test
async def test_a_whole_answer_that_cannot_be_read_fails_over(script: Script) -> None:
    def second(request: Any) -> Script:
        patch.stop()
        return json_message("second")

    async with running_proxy(FakeProvider(script), FakeProvider(second)) as proxy:
        patch = broken(attempt, "judge_body")
        patch.start()
        answer = await proxy.post(stream=False)
        assert (await answer.json())["content"][0]["text"] == "second"
        (account,) = await proxy.ledger.wait_for_accounts(1)
        report = (await proxy.status())["minimax"]
    assert [str(attempt) for attempt in account.attempts] == ["minimax=unreadable", "moonshot=200"]
    assert (report["state"], report["strikes"]) == ("cooldown", 1)


@async_test
async def test_a_defect_in_sending_fails_over() -> None:
    second = FakeProvider(message("second"))
    async with running_proxy(FakeProvider(message("first")), second) as proxy:
        with mock.patch.object(HttpTransport, "open", once_broken(HttpTransport.open)):
            assert await complete_text(await proxy.post()) == "second"
        assert (await proxy.status())["minimax"]["reason"] == "unreadable"


def once_broken(opened: Any) -> Any:
    """Return a function that raises once, and then does what it should."""
    calls = itertools.count()

    async def open_or_raise(*arguments: Any, **named: Any) -> Any:
        if next(calls) == 0:
            raise KeyError("a defect")
        return await opened(*arguments, **named)

    return open_or_raise


STREAM_READERS = {
    "the events": (sse, "parse", message()),
    "the first events": (judge_stream.StreamJudge, "opening", message()),
    "an error event": (judge_stream, "judge_error_event", error_event()),
    "the end": (judge_stream.StreamJudge, "cut", [Status(200, b"<html>")]),
}


@pytest.mark.parametrize(("owner", "name", "script"), STREAM_READERS.values(), ids=STREAM_READERS)
@async_test
async def test_a_stream_that_cannot_be_read_fails_over(owner: Any, name: str, script: Script) -> None:
    def second(request: Any) -> Script:
        patch.stop()
        return message("second")

    first = FakeProvider(script)
    async with running_proxy(first, FakeProvider(second)) as proxy:
        patch = broken(owner, name)
        patch.start()
        assert await complete_text(await proxy.post()) == "second"
        (account,) = await proxy.ledger.wait_for_accounts(1)
        assert (await proxy.status())["minimax"]["strikes"] == 1
    assert [str(attempt) for attempt in account.attempts] == ["minimax=unreadable", "moonshot=200"]


@async_test
async def test_a_defect_in_learning_leaves_the_error_as_it_is() -> None:
    first = FakeProvider([Status(400)])
    async with running_proxy(first) as proxy:
        with broken(handler, "plan_retry"):
            answer = await proxy.post()
        assert (answer.status, len(first.requests)) == (400, 1)
        assert await proxy.ledger.note_with("KeyError")


@async_test
async def test_a_defect_in_keeping_a_rule_costs_no_answer() -> None:
    refusal = Status(400, error_body("invalid_request_error", "top_k: Extra inputs are not permitted"))
    async with running_proxy(FakeProvider([refusal], message("hello"))) as proxy:
        with broken(handler, "rules_to_keep"):
            assert await complete_text(await proxy.post(top_k=3)) == "hello"
        assert await proxy.ledger.note_with("KeyError")


BESIDE_THE_ANSWER = {
    "tokens": (usage.Tally, "read"),
    "how many tokens a byte has": (recorder.Recorder, "measure"),
    "signatures": (signatures.Signatures, "read"),
    "who made a signature": (recorder.Recorder, "record_signatures"),
    "what later requests need": (recorder.Recorder, "remember"),
    "the account": (recorder.Recorder, "account"),
}


@pytest.mark.parametrize(("owner", "name"), BESIDE_THE_ANSWER.values(), ids=BESIDE_THE_ANSWER)
@async_test
async def test_a_defect_beside_the_answer_costs_no_answer(owner: Any, name: str) -> None:
    async with running_proxy(FakeProvider(thinking_then_text("hm", "hello"))) as proxy:
        with broken(owner, name):
            assert await complete_text(await proxy.post()) == "hello"
        await proxy.ledger.note_with("KeyError")


@pytest.mark.parametrize("name", ["usage_of", "measure_body"])
@async_test
async def test_a_defect_beside_a_whole_answer_costs_no_answer(name: str) -> None:
    async with running_proxy(FakeProvider(json_message("hello"))) as proxy:
        with broken(recorder, name):
            answer = await proxy.post(stream=False)
        assert (answer.status, (await answer.json())["content"][0]["text"]) == (200, "hello")


AFTER_THE_HEAD = {
    "following the stream": (judge_stream.StreamJudge, "follow"),
    "its end": (relay.StreamRelay, "_write_last"),
    "how it ended": (judge_stream.StreamJudge, "ending"),
    "the health": (Failover, "ended"),
    "the pings": (keepalive.Keepalive, "pause"),
}


@pytest.mark.parametrize(("owner", "name"), AFTER_THE_HEAD.values(), ids=AFTER_THE_HEAD)
@async_test
async def test_a_stream_that_has_begun_ends_with_one_event_whatever_happens(owner: Any, name: str) -> None:
    gate = asyncio.Event()
    async with running_proxy(FakeProvider([*opening("hello"), Wait(gate), *REST])) as proxy:
        answer = await proxy.post()
        with broken(owner, name):
            gate.set()
            events = await answer.all_events()
            await proxy.ledger.wait_for_accounts(1)
        assert ending_of(events) in ("message_stop", "error")
        assert await proxy.ledger.note_with("KeyError")


@async_test
async def test_a_defect_within_a_stream_is_told_as_an_error_event() -> None:
    gate = asyncio.Event()
    async with running_proxy(FakeProvider([*opening("hello"), Wait(gate), *REST])) as proxy:
        answer = await proxy.post()
        with broken(judge_stream.StreamJudge, "follow"):
            gate.set()
            events = await answer.all_events()
        (account,) = await proxy.ledger.wait_for_accounts(1)
        report = (await proxy.status())["minimax"]
    assert (text_of(events), ending_of(events)) == ("hello", "error")
    assert events[-1].data["error"]["type"] == "api_error"
    assert account.ending is Ending.ERROR
    assert (report["state"], report["strikes"]) == ("ready", 0)


AFTER_A_PING = {
    "the answer": (recorder.Recorder, "answered_by", message()),
    "who answers": (reply, "attribution_comments", message()),
    "the error": (reply, "final_error", [Status(400)]),
    "the error as an event": (reply, "as_event", [Status(400)]),
    "the health": (Failover, "judged", [Status(429)]),
}


@pytest.mark.parametrize(("owner", "name", "script"), AFTER_A_PING.values(), ids=AFTER_A_PING)
@async_test
async def test_a_defect_after_a_ping_is_told_as_an_error_event(owner: Any, name: str, script: Script) -> None:
    gate = asyncio.Event()
    with broken(owner, name):
        async with running_proxy(FakeProvider([Wait(gate), *script]), ping_after=0.01) as proxy:
            answer = await proxy.post()
            gate.set()
            events = await answer.all_events()
            await proxy.ledger.note_with("KeyError")
    assert ending_of(events) == "error"
    assert events[-1].data["error"]["type"] == "api_error"


@async_test
async def test_a_defect_of_the_pings_is_told_as_an_error_event() -> None:
    class Broken(bytes):
        """Bytes that cannot be sent."""

        def __len__(self) -> int:
            raise KeyError("a defect")

    with mock.patch.object(messages, "PING", Broken()):
        async with running_proxy(FakeProvider([*opening("hello"), Stall()]), ping_interval=0.01) as proxy:
            events = await (await proxy.post()).all_events()
    assert (text_of(events), ending_of(events)) == ("hello", "error")


@async_test
async def test_an_error_with_a_long_s_is_read_as_any_other() -> None:
    first = FakeProvider([Status(429, error_body("rate_limit_error", LONG_S))])
    async with running_proxy(first, FakeProvider(message("hello"))) as proxy:
        assert await complete_text(await proxy.post()) == "hello"
        assert (await proxy.status())["minimax"]["state"] == "cooldown"
        assert not [note for note in proxy.ledger.notes if "internal error" in note]


@async_test
async def test_a_defect_is_noted_once_for_its_place() -> None:
    first = FakeProvider([Status(429)])
    async with running_proxy(first, FakeProvider(message("hello"))) as proxy:
        with broken(recorder.Recorder, "remember"):
            for _ in range(3):
                assert await complete_text(await proxy.post()) == "hello"
        await proxy.ledger.wait_for_accounts(3)
        noted = [note for note in proxy.ledger.notes if "internal error" in note]
    assert len(noted) == 1
    assert "KeyError at " in noted[0]
    assert "a defect" not in noted[0]
