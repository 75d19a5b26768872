"""Anthropic's answers say in their heads how much of a plan is used: it is read, and passed on unchanged."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from claude_proxy.core.auth import Auth
from fakes import quota_answers
from fakes.async_test import async_test
from fakes.clock import NOON, FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, ConfiguredProvider, RunningProxy, configured, running_proxy
from fakes.quota_answers import HOUR
from fakes.scripts import answers, message
from fakes.steps import Script, Status, Stream
from fakes.stream_checks import complete_text

BY_LOGIN = {"x-claude-proxy-token": TOKEN, "Authorization": "Bearer sk-ant-oat01-login-of-the-user"}


def with_head(fields: dict[str, str], text: str = "plan") -> Script:
    return [Stream(fields), *message(text)[1:]]


def plan(fake: FakeProvider, **changes: Any) -> ConfiguredProvider:
    return configured(fake, **{"auth": Auth.CLIENT, "api_key": "", "api_key_env": "", "quota": "anthropic", **changes})


async def ask(proxy: RunningProxy) -> str:
    return await complete_text(await proxy.post(headers=BY_LOGIN))


async def windows(proxy: RunningProxy) -> list[tuple[str, float]]:
    """Return the windows of the plan, as `status` tells them."""
    await asyncio.sleep(0)
    quota = (await proxy.status())["minimax"]["quota"]
    return [(window["name"], window["used"]) for window in quota["windows"]]


@async_test
async def test_the_limits_of_a_login_are_read_and_passed_on_unchanged() -> None:
    fields = quota_answers.unified(NOON, "0.42", "0.1", opus="0.9")
    fake = FakeProvider(with_head(fields))
    async with running_proxy(plan(fake), clock=FakeClock()) as proxy:
        answer = await proxy.post(headers=BY_LOGIN)
        assert await complete_text(answer) == "plan"
        assert {name: value for name, value in answer.headers.items() if name.startswith("anthropic-rate")} == fields
        assert await windows(proxy) == [("5 h", 0.42), ("week", 0.1), ("week (opus)", 0.9)]
        assert proxy.ledger.notes == [
            "warning: minimax: 90 % of its quota is used (week (opus)). It is reset in 7 d 0 h"
        ]
    assert len(fake.requests) == 1  # the login is used for no question


@async_test
async def test_the_limits_of_a_key_are_read() -> None:
    fake = FakeProvider(with_head(quota_answers.token_limits(NOON, "12500")))
    async with running_proxy(plan(fake, auth=Auth.X_API_KEY, api_key="sk-ant-api"), clock=FakeClock()) as proxy:
        assert await complete_text(await proxy.post()) == "plan"
        assert await windows(proxy) == [("input tokens a minute", 0.75)]


@async_test
async def test_an_answer_that_uses_up_the_plan_sends_the_next_request_elsewhere() -> None:
    clock = FakeClock()
    first, second = FakeProvider(with_head(quota_answers.unified(NOON, "1.0"))), FakeProvider(answers("second"))
    async with running_proxy(plan(first), second, clock=clock) as proxy:
        assert await ask(proxy) == "plan"
        assert await ask(proxy) == "second"
        assert (await proxy.status())["minimax"]["cooldown_until"] == NOON + HOUR
        clock.pass_time(HOUR)
        assert await ask(proxy) == "plan"


@async_test
async def test_a_plan_that_goes_on_beyond_its_limit_is_asked_on() -> None:
    fields = quota_answers.unified(NOON, "1.0", overage="allowed")
    first, second = FakeProvider(with_head(fields)), FakeProvider(answers("second"))
    async with running_proxy(plan(first), second, clock=FakeClock()) as proxy:
        assert [await ask(proxy), await ask(proxy)] == ["plan", "plan"]


@async_test
async def test_a_429_is_judged_as_before() -> None:
    fields = {**quota_answers.unified(NOON, "1.0"), "anthropic-ratelimit-unified-status": "rejected"}
    first, second = FakeProvider([Status(429, headers=fields)]), FakeProvider(answers("second"))
    async with running_proxy(plan(first), second, clock=FakeClock()) as proxy:
        assert await ask(proxy) == "second"
        status = (await proxy.status())["minimax"]
        assert (status["why"], status["cooldown_until"]) == ("plan limit", NOON + HOUR)
        assert await windows(proxy) == [("5 h", 1.0), ("week", 0.1)]


@pytest.mark.parametrize("quota", ["", "off", "zai"])
@async_test
async def test_of_other_providers_no_heads_are_read(quota: str) -> None:
    fake = FakeProvider(with_head(quota_answers.unified(NOON, "1.0")))
    async with running_proxy(plan(fake, quota=quota), clock=FakeClock()) as proxy:
        assert await ask(proxy) == "plan"
        await asyncio.sleep(0)
        status = (await proxy.status())["minimax"]
        assert status["state"] == "ready"
        assert not (status["quota"] or {}).get("windows")
