"""No provider can answer: the client gets the last provider's own error, and the time of the first return."""

from __future__ import annotations

import json

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import error_event
from fakes.steps import Cut, Status

ODD_BODY = b'{ "error":{"message":"Overloaded \xe2\x80\x94 come back", "type":"overloaded_error"},\n"type":"error"}'


@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_if_all_fail_the_client_gets_the_last_error_byte_for_byte(stream: bool) -> None:
    first, second = FakeProvider([Status(503)]), FakeProvider([Status(529, ODD_BODY, {"x-odd": "kept"})])
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post(stream=stream)
        assert (answer.status, await answer.read()) == (529, ODD_BODY)
        assert (answer.headers["x-odd"], answer.headers["request-id"]) == ("kept", "req_fake")
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=503, moonshot=529"
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert (account.status, account.ending) == (529, Ending.ERROR)
    assert [attempt.outcome for attempt in account.attempts] == ["503", "529"]


@async_test
async def test_if_all_fail_retry_after_names_the_first_return() -> None:
    first = FakeProvider([Status(429, headers={"retry-after": "40"})])
    second = FakeProvider([Status(429, headers={"retry-after": "600"})])
    async with running_proxy(first, second, clock=FakeClock()) as proxy:
        answer = await proxy.post()
        assert (answer.status, answer.headers["retry-after"]) == (429, "40")


@async_test
async def test_an_error_event_behind_200_is_relayed_with_the_status_of_its_type() -> None:
    async with running_proxy(FakeProvider(error_event("overloaded_error"))) as proxy:
        answer = await proxy.post()
        assert answer.status == 529
        assert (await answer.json())["error"] == {"type": "overloaded_error", "message": "scripted error"}


@async_test
async def test_without_any_answer_the_proxys_own_error_names_the_providers() -> None:
    async with running_proxy(FakeProvider([Cut()]), FakeProvider([Cut()])) as proxy:
        answer = await proxy.post()
        error = await answer.json()
    assert answer.status >= 500
    assert error["type"] == "error"
    assert "moonshot" in json.dumps(error)
    assert answer.headers["x-claude-proxy-attempts"] == "minimax=reset, moonshot=reset"
    assert int(answer.headers["retry-after"]) > 0
