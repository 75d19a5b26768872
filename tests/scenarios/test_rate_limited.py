"""A provider answers 429: the next one answers, and the first is in cooldown as long as it said."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime

import pytest

from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import message
from fakes.steps import Close, Cut, Head, Raw, Stall, Status, Step
from fakes.stream_checks import complete_text

CLOCK = FakeClock()
NOW = CLOCK.now
HTTP_DATE = email.utils.format_datetime(datetime.fromtimestamp(NOW + 90, UTC), usegmt=True)


def rfc3339(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"retry-after": "45"}, 45, id="seconds"),
        pytest.param({"retry-after": HTTP_DATE}, 90, id="date"),
        pytest.param({"anthropic-ratelimit-requests-reset": rfc3339(NOW + 30)}, 30, id="reset"),
        pytest.param(
            {
                "anthropic-ratelimit-requests-reset": rfc3339(NOW + 5),
                "anthropic-ratelimit-requests-remaining": "17",
                "anthropic-ratelimit-tokens-reset": rfc3339(NOW + 300),
                "anthropic-ratelimit-tokens-remaining": "0",
            },
            300,
            id="reset of the limit that is spent",
        ),
        pytest.param({"retry-after": "45", "anthropic-ratelimit-requests-reset": rfc3339(NOW + 9)}, 45, id="both"),
        pytest.param({}, 1800, id="nothing said: the cooldown"),
        pytest.param({"retry-after": "soon"}, 1800, id="nonsense said: the cooldown"),
    ],
)
@async_test
async def test_a_cooldown_lasts_exactly_as_long_as_retry_after_says(headers: dict[str, str], seconds: float) -> None:
    clock = FakeClock()
    first = FakeProvider([Status(429, headers=headers)], message("first"))
    async with running_proxy(first, FakeProvider(message("second")), clock=clock) as proxy:
        answer = await proxy.post()
        assert await complete_text(answer) == "second"
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=429, moonshot=200"
        assert (await proxy.status())["minimax"]["cooldown_until"] == NOW + seconds
        clock.pass_time(seconds - 1)
        assert await complete_text(await proxy.post()) == "second"
        clock.pass_time(1)
        assert await complete_text(await proxy.post()) == "first"
    assert len(first.requests) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
@async_test
async def test_each_retried_status_fails_over(status: int) -> None:
    async with running_proxy(FakeProvider([Status(status)]), FakeProvider(message("second"))) as proxy:
        answer = await proxy.post()
        assert await complete_text(answer) == "second"
        assert answer.headers["x-claude-proxy-attempts"] == f"minimax={status}, moonshot=200"


@pytest.mark.parametrize("status", [400, 402, 404, 413, 422])
@async_test
async def test_an_error_about_the_request_is_relayed_byte_for_byte_without_a_strike(status: int) -> None:
    body = b'{"type": "error",  "error": {"type": "x", "message": "max_tokens: 9 > 5"}}'
    first, second = FakeProvider([Status(status, body, {"x-odd": "kept"})]), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post()
        assert (answer.status, await answer.read()) == (status, body)
        assert (answer.headers["x-odd"], answer.headers["content-type"]) == ("kept", "application/json")
        assert answer.headers["x-claude-proxy-provider"] == "minimax"
        report = (await proxy.status())["minimax"]
    assert (report["state"], report["strikes"]) == ("ready", 0)
    assert second.requests == []


@async_test
async def test_the_user_sets_the_retried_statuses() -> None:
    first, second = FakeProvider([Status(500)], [Status(418)]), FakeProvider(message("second"))
    async with running_proxy(first, second, retry_statuses=frozenset({418})) as proxy:
        assert (await proxy.post()).status == 500
        assert await complete_text(await proxy.post()) == "second"


@pytest.mark.parametrize("end", [Close(), Cut(), Stall()], ids=["closed", "reset", "silent"])
@async_test
async def test_a_retried_status_with_a_broken_body_fails_over(end: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_proxy.proxy.attempt.ERROR_PATIENCE", 0.1)
    first = FakeProvider([Head(429, {"retry-after": "45", "content-length": "100"}), Raw(b'{"type":'), end])
    async with running_proxy(first, FakeProvider(message("hello"))) as proxy:
        answer = await proxy.post()
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=429, moonshot=200"
        assert await complete_text(answer) == "hello"
        status = await proxy.status()
    assert (status["minimax"]["state"], status["minimax"]["reason"]) == ("cooldown", "429")
    assert status["minimax"]["strikes"] == 0


@async_test
async def test_does_not_relay_a_broken_body() -> None:
    only = FakeProvider([Head(429, {"retry-after": "45", "content-length": "100"}), Raw(b'{"type":'), Close()])
    async with running_proxy(only) as proxy:
        answer = await proxy.post()
        assert (answer.status, (await answer.json())["error"]["type"]) == (429, "rate_limit_error")
        assert 40 < int(answer.headers["retry-after"]) <= 45
