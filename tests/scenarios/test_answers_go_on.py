"""A stream dies after content has reached the client: the rest of the answer is asked for, and nobody notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from claude_proxy.core.types import Ending
from core.continuation.answers import Assembled, Block, Text, Thinking, ToolCall, stream_of
from fakes.async_test import async_test
from fakes.client import Answer
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, running_proxy, with_timeouts
from fakes.scripts import MESSAGE_STOP, block_start, message, message_start, opening, stream_error
from fakes.server_connection import Request
from fakes.steps import Body, Close, Cut, Script, Stall, Status, Step, Stream, Wait

FIRST = "The first half of the answer breaks off in the mid"
WHOLE = FIRST + "dle of a word, and then it goes on to its end."
WRITE = ToolCall("Write", ['{"path":"a', '.txt","text":"', 'x" }'])


def body_of(request: Request) -> dict[str, Any]:
    return dict(request.json())


def is_continuation(request: Request) -> bool:
    return len(body_of(request)["messages"]) > 1


def stream(*blocks: Block, stop_reason: str = "end_turn") -> Script:
    return [Stream(), Body(b"".join(stream_of(blocks, stop_reason)))]


def begun(*blocks: Block, missing: int, ends: Sequence[Step] = (Cut(),)) -> Callable[[asyncio.Event], Script]:
    """A stream whose last events are missing; it ends once the client has what has come."""

    def script(gate: asyncio.Event) -> Script:
        return [Stream(), Body(b"".join(stream_of(blocks)[:-missing])), Wait(gate), *ends]

    return script


def repeating(rest: str) -> Callable[[Request], Script]:
    """Go on as a model does that is asked to begin with the last words of the client."""

    def answer(request: Request) -> Script:
        asked = body_of(request)["messages"][-1]["content"][0]["text"]
        fragment = asked.split("\n\n")[1] if "last words that reached me" in asked else ""
        return stream(Text([fragment[:9], fragment[9:] + rest]))

    return answer


def dying_again(rest: str) -> Callable[[Request], Script]:
    """Go on as asked, and die again."""

    def answer(request: Request) -> Script:
        fragment = body_of(request)["messages"][-1]["content"][0]["text"].split("\n\n")[1]
        return [Stream(), Body(b"".join(stream_of([Text([fragment + rest])])[:-3])), Cut()]

    return answer


async def assembled(answer: Answer, gate: asyncio.Event | None = None, *, at: str = "content_block_delta") -> Assembled:
    """Return what a strict client makes of an answer; it opens the gate once it has the first event of a name."""
    made = Assembled()
    assert answer.status == 200
    async for event in answer.events():
        if event.name == "error":
            raise AssertionError(event.data)
        made.take({"type": event.name, **event.data})
        if gate and event.name == at:
            gate.set()
    return made


async def one_account(proxy: RunningProxy) -> Any:
    [account] = await proxy.ledger.wait_for_accounts(1)
    return account


@pytest.mark.parametrize("death", [[Cut()], [Close()], [], [Body(b"event: content_bl"), Cut()]])
@async_test
async def test_a_text_that_breaks_off_is_gone_on_with_by_the_same_provider(death: list[Step]) -> None:
    gate = asyncio.Event()
    first = FakeProvider(begun(Text([FIRST]), missing=3, ends=death)(gate), repeating(WHOLE.removeprefix(FIRST)))
    second = FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        answer = await assembled(await proxy.post(), gate)
        account = await one_account(proxy)
    assert [block["text"] for block in answer.blocks] == [WHOLE]
    assert (answer.starts, answer.over, answer.stop_reason) == (1, True, "end_turn")
    assert account.ending is Ending.RECOVERED
    assert [str(attempt) for attempt in account.attempts] == ["minimax=truncated", "minimax=200"]
    assert (account.usage.input_tokens, account.usage.output_tokens) == (20, 6)
    assert answer.usage["input_tokens"] == 20
    assert second.requests == []
    assert body_of(first.requests[1])["messages"][0] == body_of(first.requests[0])["messages"][0]


@pytest.mark.parametrize(
    ("death", "outcome"),
    [([Stall()], "stalled"), ([stream_error("overloaded_error")], "error")],
    ids=["silence", "overload"],
)
@async_test
async def test_the_next_provider_goes_on_for_one_that_is_overloaded_or_silent(death: list[Step], outcome: str) -> None:
    gate = asyncio.Event()
    first = FakeProvider(begun(Text([FIRST]), missing=3, ends=death)(gate))
    second = FakeProvider(repeating(WHOLE.removeprefix(FIRST)))
    async with running_proxy(with_timeouts(first, stall=0.2), second) as proxy:
        answer = await assembled(await proxy.post(), gate)
        account = await one_account(proxy)
        report = await proxy.status()
        assert proxy.proxy.status().answers_saved == 1
    assert answer.text == WHOLE
    assert [str(attempt) for attempt in account.attempts] == [f"minimax={outcome}", "moonshot=200"]
    assert (account.provider, account.ending) == ("moonshot", Ending.RECOVERED)
    assert (report["minimax"]["state"], report["minimax"]["strikes"]) == ("cooldown", 1)
    assert len(first.requests) == 1


@async_test
async def test_a_tool_call_that_breaks_off_never_reaches_the_client_and_is_made_again() -> None:
    gate = asyncio.Event()
    first = FakeProvider(
        begun(Text(["I write the file."]), WRITE, missing=4)(gate), stream(WRITE, stop_reason="tool_use")
    )
    async with running_proxy(first) as proxy:
        answer = await assembled(await proxy.post(), gate)
    assert answer.text == "I write the file."
    assert answer.calls == [("Write", {"path": "a.txt", "text": "x"})]
    assert answer.stop_reason == "tool_use"


@async_test
async def test_a_tool_call_whose_input_is_no_json_is_made_again() -> None:
    half = ToolCall("Write", ['{"path":"a'])
    first = FakeProvider(
        stream(Text(["I write."]), half, stop_reason="tool_use"), stream(WRITE, stop_reason="tool_use")
    )
    async with running_proxy(first) as proxy:
        answer = await assembled(await proxy.post())
        account = await one_account(proxy)
    assert answer.calls == [("Write", {"path": "a.txt", "text": "x"})]
    assert account.ending is Ending.RECOVERED


@async_test
async def test_an_answer_with_a_whole_tool_call_ends_with_it() -> None:
    gate = asyncio.Event()
    first = FakeProvider(begun(WRITE, Text(["And then"]), missing=3)(gate))
    async with running_proxy(first) as proxy:
        answer = await assembled(await proxy.post(), gate, at="content_block_stop")
        account = await one_account(proxy)
    assert answer.calls == [("Write", {"path": "a.txt", "text": "x"})]
    assert (answer.stop_reason, answer.over) == ("tool_use", True)
    assert account.ending is Ending.RECOVERED
    assert len(first.requests) == 1


@async_test
async def test_after_thinking_alone_the_request_is_sent_again_unchanged() -> None:
    gate = asyncio.Event()
    first = FakeProvider(begun(Thinking(["I thi", "nk"]), missing=5)(gate), stream(Thinking(["again"]), Text(["done"])))
    async with running_proxy(first) as proxy:
        answer = await assembled(await proxy.post(), gate)
    assert [block["type"] for block in answer.blocks] == ["thinking", "thinking", "text"]
    assert "signature" not in answer.blocks[0]
    assert answer.text == "done"
    assert body_of(first.requests[0]) == body_of(first.requests[1])


@async_test
async def test_an_answer_that_dies_again_is_gone_on_with_again_but_not_for_ever() -> None:
    gate = asyncio.Event()
    gate.set()
    scripts = [dying_again(f" and part {number} bre") for number in range(9)]
    first = FakeProvider(begun(Text([FIRST]), missing=3)(gate), *scripts)
    async with running_proxy(first, FakeProvider([Status(500)])) as proxy:
        events = await (await proxy.post()).all_events()
        account = await one_account(proxy)
    assert events[-1].name == "error"
    assert account.ending is Ending.TRUNCATED
    assert len(first.requests) == 4


@async_test
async def test_a_provider_that_brings_nothing_new_is_not_asked_once_more() -> None:
    gate = asyncio.Event()
    gate.set()
    script = begun(Text([FIRST]), missing=3)(gate)
    first, second = FakeProvider(script, script, message("never")), FakeProvider(repeating(WHOLE.removeprefix(FIRST)))
    async with running_proxy(first, second) as proxy:
        answer = await assembled(await proxy.post())
    assert answer.text == WHOLE
    assert len(first.requests) == 2


@async_test
async def test_a_pinned_answer_goes_on_at_its_provider_alone() -> None:
    gate = asyncio.Event()
    gate.set()
    first = FakeProvider(begun(Text([FIRST]), missing=3)(gate), [Status(503)])
    second = FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        events = await (await proxy.post("/provider/minimax/v1/messages")).all_events()
    assert events[-1].name == "error"
    assert (len(first.requests), second.requests) == (2, [])


@pytest.mark.parametrize(
    "block",
    [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "something_new"},
    ],
    ids=lambda block: str(block["type"]),
)
@async_test
async def test_what_can_not_be_asked_for_again_ends_as_it_stands(block: dict[str, Any]) -> None:
    start: list[Step] = [Stream(), message_start(), block_start(block), *opening("x")[3:]]
    first, second = FakeProvider([*start, Cut()]), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        events = await (await proxy.post()).all_events()
    assert events[-1].name == "error"
    assert second.requests == []


@async_test
async def test_an_error_of_the_request_in_the_middle_is_relayed() -> None:
    first, second = (
        FakeProvider([*opening("x"), stream_error("invalid_request_error")]),
        FakeProvider(message("second")),
    )
    async with running_proxy(first, second) as proxy:
        events = await (await proxy.post()).all_events()
    assert events[-1].data["error"]["type"] == "invalid_request_error"
    assert (len(first.requests), second.requests) == (1, [])


@async_test
async def test_nobody_gives_the_rest_and_the_providers_own_error_is_relayed() -> None:
    first = FakeProvider([*opening("half"), stream_error("api_error", "its own words")])
    async with running_proxy(first, FakeProvider([Status(500)])) as proxy:
        events = await (await proxy.post()).all_events()
        account = await one_account(proxy)
    assert events[-1].data["error"]["message"] == "its own words"
    assert account.ending is Ending.ERROR
    assert [str(attempt) for attempt in account.attempts] == ["minimax=error", "moonshot=500"]


@async_test
async def test_an_error_behind_the_stop_reason_takes_nothing_from_the_answer() -> None:
    whole = stream_of([Text(["done"])])[:-1]
    first = FakeProvider([Stream(), Body(b"".join(whole)), stream_error("overloaded_error")])
    async with running_proxy(first) as proxy:
        answer = await assembled(await proxy.post())
        account = await one_account(proxy)
    assert (answer.text, answer.over, account.ending) == ("done", True, Ending.COMPLETE)


@async_test
async def test_pings_keep_the_client_alive_while_a_tool_call_is_held() -> None:
    gate = asyncio.Event()
    events = stream_of([WRITE], "tool_use")
    first = FakeProvider([Stream(), Body(b"".join(events[:3])), Wait(gate), Body(b"".join(events[3:]))])
    async with running_proxy(first, ping_interval=0.02) as proxy:
        answer = await assembled(await proxy.post(), gate, at="ping")
    assert answer.calls == [("Write", {"path": "a.txt", "text": "x"})]


@pytest.mark.parametrize("allowed", [True, False])
@async_test
async def test_pieces_of_a_tool_call_are_passed_on_if_client_and_user_want_them(*, allowed: bool) -> None:
    gate = asyncio.Event()
    events = stream_of([WRITE], "tool_use")
    first = FakeProvider([Stream(), Body(b"".join(events[:3])), Wait(gate), Body(b"".join(events[3:]))])
    tool = {"name": "Write", "input_schema": {"type": "object"}, "eager_input_streaming": True}
    async with running_proxy(first, eager_tool_streaming=allowed, ping_interval=0.1) as proxy:
        answer = await assembled(await proxy.post(tools=[tool]), gate, at="content_block_delta" if allowed else "ping")
    assert answer.calls == [("Write", {"path": "a.txt", "text": "x"})]


@async_test
async def test_a_client_that_leaves_while_the_rest_is_asked_for_is_no_strike() -> None:
    gate = asyncio.Event()
    first = FakeProvider(begun(Text([FIRST]), missing=3)(gate), [Stall()])
    async with running_proxy(first) as proxy:
        answer = await proxy.post()
        gate.set()
        await first.wait_for_requests(2)
        answer.hang_up()
        account = await one_account(proxy)
    assert account.ending is Ending.CLIENT_LEFT


@async_test
async def test_a_comment_names_the_provider_that_gives_the_rest() -> None:
    gate = asyncio.Event()
    gate.set()
    first = FakeProvider(begun(Text([FIRST]), missing=3, ends=[stream_error("overloaded_error")])(gate))
    second = FakeProvider(repeating(WHOLE.removeprefix(FIRST)))
    async with running_proxy(first, second) as proxy:
        raw = await (await proxy.post()).read()
    assert b": x-claude-proxy-provider: moonshot" in raw
    assert b"minimax=error" in raw
    assert raw.count(b"event: message_start") == 1
    assert json.dumps(MESSAGE_STOP.name).encode() in raw


@async_test
async def test_a_provider_that_says_nothing_of_the_rest_gives_way_to_the_next() -> None:
    def silent(request: Request) -> Script:
        return (
            stream() if is_continuation(request) else [Stream(), Body(b"".join(stream_of([Text([FIRST])])[:-3])), Cut()]
        )

    async with running_proxy(FakeProvider(silent), FakeProvider(repeating(WHOLE[len(FIRST) :]))) as proxy:
        made = await assembled(await proxy.post())
        account = await one_account(proxy)
    assert (made.text, made.over, account.ending) == (WHOLE, True, Ending.RECOVERED)
