"""No provider can answer: the client gets one sentence about each of them, and the time of the first return."""

from __future__ import annotations

import json

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import configured, running_proxy
from fakes.scripts import answers, error_event
from fakes.steps import Cut, Status


@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_if_all_fail_the_client_gets_one_sentence_about_each_of_them(stream: bool) -> None:
    first, second = FakeProvider([Status(503)]), FakeProvider([Status(529, headers={"x-odd": "not kept"})])
    async with running_proxy(first, second, clock=FakeClock()) as proxy:
        answer = await proxy.post(stream=stream)
        message = (
            "claude-proxy: no provider could answer: minimax: overloaded (scripted 503) until 08:00; "
            "moonshot: overloaded (scripted 529) until 08:00."
        )
        assert await answer.json() == {"type": "error", "error": {"type": "api_error", "message": message}}
        assert (answer.status, answer.headers["retry-after"]) == (503, "15")
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=503, moonshot=529"
        assert "x-odd" not in answer.headers
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert (account.status, account.ending) == (503, Ending.ERROR)
    assert [attempt.outcome for attempt in account.attempts] == ["503", "529"]


@async_test
async def test_if_all_are_at_their_limits_the_client_hears_until_when_by_the_clock_of_its_user() -> None:
    clock = FakeClock(offset=3600)
    first = FakeProvider([Status(429, headers={"retry-after": "780"})])
    second = FakeProvider([Status(429, headers={"retry-after": "86400"})])
    async with running_proxy(first, second, clock=clock) as proxy:
        answer = await proxy.post()
        message = (
            "claude-proxy: All providers are at their limits: minimax until 09:13, moonshot until 2027-01-16 09:00."
        )
        assert (answer.status, (await answer.json())["error"]) == (
            429,
            {"type": "rate_limit_error", "message": message},
        )


@async_test
async def test_if_no_name_resolves_the_client_is_asked_whether_the_machine_is_online() -> None:
    given = [configured(f"http://{name}.invalid:8080") for name in ("one", "two")]
    async with running_proxy(*given) as proxy:
        answer = await proxy.post()
        message = (await answer.json())["error"]["message"]
    assert (answer.status, "x-should-retry" in answer.headers) == (503, False)
    assert message == (
        "claude-proxy: No provider can be reached (one.invalid: name not found; two.invalid: name not found). "
        "Is this machine online?"
    )


@pytest.mark.parametrize("target", ["/v1/messages", "/provider/minimax/v1/messages"])
@async_test
async def test_if_no_certificate_is_trusted_the_client_hears_it_once(target: str) -> None:
    async with FakeProvider(answers("hello"), tls=True) as fake:
        given = [configured(f"https://127.0.0.1:{fake.port}") for _ in range(2)]
        async with running_proxy(*given) as proxy:
            answer = await proxy.post(target)
            message = (await answer.json())["error"]["message"]
    assert (answer.status, answer.headers["x-should-retry"]) == (502, "false")
    assert "retry-after" not in answer.headers
    assert message.count("trusted") == 1
    assert message.endswith("name the file of its certificate in NODE_EXTRA_CA_CERTS, then restart claude-proxy.")


@async_test
async def test_if_all_keys_are_refused_each_is_named_with_its_place() -> None:
    fakes = [FakeProvider([Status(401)]), FakeProvider([Status(403)])]
    async with running_proxy(*fakes, failover_on_auth=True) as proxy:
        answer = await proxy.post()
        message = (await answer.json())["error"]["message"]
    assert (answer.status, answer.headers["x-should-retry"]) == (401, "false")
    assert message == (
        "claude-proxy: minimax refused the key in MINIMAX_API_KEY (from .env), "
        "moonshot refused the key in MOONSHOT_API_KEY (from .env). Replace them there."
    )


@async_test
async def test_if_all_fail_retry_after_names_the_first_return() -> None:
    first = FakeProvider([Status(429, headers={"retry-after": "40"})])
    second = FakeProvider([Status(429, headers={"retry-after": "600"})])
    async with running_proxy(first, second, clock=FakeClock()) as proxy:
        answer = await proxy.post()
        assert (answer.status, answer.headers["retry-after"]) == (429, "40")


@async_test
async def test_a_pinned_providers_error_event_behind_200_is_relayed_with_the_status_of_its_type() -> None:
    async with running_proxy(FakeProvider(error_event("overloaded_error"))) as proxy:
        answer = await proxy.post("/provider/minimax/v1/messages")
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
