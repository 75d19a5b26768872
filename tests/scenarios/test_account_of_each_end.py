"""However a request ends, its account has the tokens that each provider told, at the attempt that told them."""

from __future__ import annotations

import pytest

from claude_proxy.core.types import Account, Ending, Usage
from core.continuation.answers import ToolCall, stream_of
from fakes.async_test import async_test, run_ready_callbacks
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, configured, running_proxy
from fakes.scripts import PING, json_message, message, message_start, opening
from fakes.steps import Body, Cut, Head, Script, Stall, Status, Stream
from scenarios.test_auto_mode import SAFEGUARDS, use, verdicts
from scenarios.test_client_hangs_up import send_prompt

OPENED = Usage(input_tokens=12, output_tokens=1)
WHOLE = Usage(input_tokens=12, output_tokens=7)
NOTHING = Usage()


def told(account: Account) -> list[tuple[str, Usage]]:
    return [(str(attempt), attempt.usage) for attempt in account.attempts]


async def account_of(proxy: RunningProxy) -> Account:
    [account] = await proxy.ledger.wait_for_accounts(1)
    return account


@pytest.mark.parametrize("script", [message(), json_message()], ids=["a stream", "a message"])
@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_a_complete_answer(script: Script, stream: bool) -> None:
    async with running_proxy(FakeProvider(script)) as proxy:
        await (await proxy.post(stream=stream)).read()
        account = await account_of(proxy)
    assert (account.ending, told(account), account.usage) == (Ending.COMPLETE, [("minimax=200", WHOLE)], WHOLE)


@async_test
async def test_a_stream_that_its_client_left() -> None:
    first = FakeProvider([*opening(), Stall()])
    async with running_proxy(first) as proxy:
        (await proxy.post()).hang_up()
        account = await account_of(proxy)
    assert (account.ending, told(account)) == (Ending.CLIENT_LEFT, [("minimax=200", OPENED)])


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("script", "usage"),
    [
        ([Stall()], NOTHING),
        ([Head(200, {"content-type": "text/event-stream"}), Stall()], NOTHING),
        ([Stream(), message_start(), PING, Stall()], OPENED),
    ],
    ids=["the head", "the first event", "the first content"],
)
@async_test
async def test_a_client_that_leaves_before(script: Script, usage: Usage, stream: bool) -> None:
    first = FakeProvider(script)
    async with running_proxy(first, FakeProvider(message())) as proxy:
        connection = await send_prompt(proxy, stream=stream)
        await first.wait_for_requests()
        await run_ready_callbacks()  # the proxy reads what has come
        connection.hang_up()
        account = await account_of(proxy)
        assert (await proxy.status())["minimax"]["last_error"] is None
    assert (account.ending, account.provider, told(account)) == (
        Ending.CLIENT_LEFT,
        "",
        [("minimax=abandoned", usage)],
    )
    assert account.usage == usage


@async_test
async def test_a_stream_that_broke_off_before_its_content() -> None:
    first, second = FakeProvider([Stream(), message_start(), Cut()]), FakeProvider(message())
    async with running_proxy(first, second) as proxy:
        await (await proxy.post()).read()
        account = await account_of(proxy)
    assert told(account) == [("minimax=reset", OPENED), ("moonshot=200", WHOLE)]
    assert account.usage == Usage(24, 8)


@async_test
async def test_an_answer_that_another_provider_went_on_with_is_charged_in_parts() -> None:
    first = FakeProvider([*opening("hello"), Cut()], [Status(500)])
    async with running_proxy(first, FakeProvider(message(" world"))) as proxy:
        await (await proxy.post()).read()
        account = await account_of(proxy)
    assert (account.ending, account.provider) == (Ending.RECOVERED, "moonshot")
    assert told(account) == [("minimax=truncated", OPENED), ("minimax=500", NOTHING), ("moonshot=200", WHOLE)]


@async_test
async def test_an_answer_that_nobody_went_on_with_has_the_model_of_its_provider() -> None:
    first = FakeProvider([*opening("hello"), Cut()], [Status(500)])
    second = configured(FakeProvider([Status(500)]), models={"default": "another-model"})
    async with running_proxy(first, second) as proxy:
        await (await proxy.post()).read()
        account = await account_of(proxy)
    assert (account.ending, account.provider, account.used_model) == (Ending.TRUNCATED, "minimax", "claude-opus-5-5")
    assert [attempt.model for attempt in account.attempts][-1] == "another-model"
    assert account.usage == OPENED


@async_test
async def test_a_count_has_no_tokens() -> None:
    count = FakeProvider([Status(200, b'{"input_tokens":12}')])
    async with running_proxy(count) as proxy:
        await (await proxy.post("/v1/messages/count_tokens")).read()
        account = await account_of(proxy)
    assert (account.kind, told(account)) == ("count_tokens", [("minimax=200", NOTHING)])


CALL: Script = [Stream(), Body(b"".join(stream_of([ToolCall("List", ['{"command":"ls"}'])], "tool_use")))]
SPOKEN = Usage(12, 7)


@pytest.mark.parametrize(
    ("script", "outcome", "usage"),
    [(verdicts("allow"), "moonshot=200", SPOKEN), ([Status(500)], "moonshot=500", NOTHING)],
    ids=["a verdict", "an error"],
)
@async_test
async def test_the_check_of_a_tool_call_is_charged_beside_the_answer(
    script: Script, outcome: str, usage: Usage
) -> None:
    async with running_proxy(FakeProvider(CALL), FakeProvider(script)) as proxy:
        use(proxy)
        await (await proxy.post(safeguards=SAFEGUARDS)).read()
        account = await account_of(proxy)
    [check] = account.checks
    assert (str(check), check.usage, check.model) == (outcome, usage, "judge-1")
    [answer] = account.attempts
    assert answer.provider == "minimax"
    total = answer.usage.input_tokens + usage.input_tokens, answer.usage.output_tokens + usage.output_tokens
    assert (account.usage.input_tokens, account.usage.output_tokens) == total


@async_test
async def test_a_check_that_its_client_left_is_in_the_account() -> None:
    judge = FakeProvider([Stall()])
    async with running_proxy(FakeProvider(CALL), judge) as proxy:
        use(proxy)
        answer = await proxy.post(safeguards=SAFEGUARDS)
        await judge.wait_for_requests()
        answer.hang_up()
        account = await account_of(proxy)
    assert [str(check) for check in account.checks] == ["moonshot=abandoned"]
    assert account.ending is Ending.CLIENT_LEFT
