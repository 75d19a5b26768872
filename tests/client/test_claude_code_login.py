"""The real Claude Code with a plan's login of its own, in front of that plan's provider and another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_proxy.cli.shell import activate
from claude_proxy.cli.shell.activate import Activation
from claude_proxy.cli.shell.client_requirements import ClientRequirements
from claude_proxy.core.types import Auth
from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, RunningProxy, configured, running_proxy
from fakes.scripts import answers
from fakes.server_connection import Request
from fakes.steps import Script, Status, error_body

LOGIN = "sk-ant-oat01-made-up"
TWO_HOURS = 7200.0
IDLE = 400.0
"""Seconds in which the prompt cache of the one that took over expires, so that the session goes back."""
USED_UP = [Status(429, error_body("rate_limit_error", "limit reached"), {"retry-after": "7200"})]


def led(proxy: RunningProxy, pin: str | None = None) -> dict[str, str]:
    """Return the environment of a Claude Code that is logged in, in a terminal that is led through the proxy."""
    before = {"CLAUDE_CODE_OAUTH_TOKEN": LOGIN, activate.HEADERS: "X-Team: blue", activate.TOKEN: "of a gateway"}
    to = Activation(proxy.url, "127.0.0.1", TOKEN, pin, ClientRequirements(own_login=True))
    return activate.applied(before, activate.lead(before, to))


def shown(requests: list[Request]) -> set[str | None]:
    return {request.header("authorization") for request in requests}


def messages(requests: list[Request]) -> int:
    return sum(request.method == "POST" for request in requests)


@async_test
async def test_its_login_is_used_until_its_limit_and_again_after_the_reset(tmp_path: Path) -> None:
    claude, clock = claude_code(tmp_path), FakeClock()
    turns = iter([answers("of the plan"), lambda _: USED_UP, answers("of the plan again")])
    plan = FakeProvider(*turns)
    other = FakeProvider(answers("of the other"))
    async with running_proxy(configured(plan, auth=Auth.CLIENT, api_key=""), other, clock=clock) as proxy:
        environ = led(proxy)
        first = await claude.start(environ, "say hi")
        assert (first.code, first.out) == (0, "of the plan"), first
        for seconds, said, asked in (
            (0.0, "of the other", 2),
            (TWO_HOURS - IDLE, "of the other", 2),
            (IDLE, "of the plan again", 3),
        ):
            clock.pass_time(seconds)
            finished = await claude.start(environ, "--continue", "go on")
            assert (finished.code, finished.out) == (0, said), finished
            assert messages(plan.requests) == asked
        notes = str(proxy.ledger.notes)
    assert shown(plan.requests) == {f"Bearer {LOGIN}"}
    assert all("oauth-2025-04-20" in (one.header("anthropic-beta") or "") for one in plan.requests)
    assert {one.header("x-team") for one in plan.requests} == {"blue"}
    posted = [one.json() for one in plan.requests if one.method == "POST"]
    assert all(one["system"][0]["text"].startswith("x-anthropic-billing-header:") for one in posted)
    assert messages(other.requests) == 2
    assert shown(other.requests) == {"Bearer key-of-moonshot"}
    for word in ("oauth-2025-04-20", "x-anthropic-billing-header"):
        assert word not in str(other.requests)
    for text in (str(other.requests), notes):
        assert LOGIN not in text
    assert TOKEN not in str(plan.requests) + str(other.requests)


REFUSED: Script = [Status(401, error_body("authentication_error", "OAuth token has expired"))]


@async_test
async def test_a_login_that_is_refused_is_told_as_it_would_be_without_us(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    plan, other = FakeProvider(REFUSED), FakeProvider(answers("of the other"))
    async with running_proxy(configured(plan, auth=Auth.CLIENT, api_key=""), other) as proxy:
        finished = await claude.start(led(proxy), "say hi")
        through = messages(plan.requests)
    async with FakeProvider(REFUSED) as direct:
        without_us = await claude.start({"CLAUDE_CODE_OAUTH_TOKEN": LOGIN, activate.BASE_URL: direct.url}, "say hi")
        assert messages(direct.requests) == through
    assert (finished.code, finished.out) == (without_us.code, without_us.out)
    assert other.requests == []


@pytest.mark.parametrize("pin", [None, "minimax"])
@async_test
async def test_a_terminal_without_the_login_hears_what_to_do(pin: str | None, tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    plan = FakeProvider(answers("of the plan"))
    async with running_proxy(configured(plan, auth=Auth.CLIENT, api_key="")) as proxy:
        finished = await claude.run(proxy.url + (f"/provider/{pin}" if pin else ""), TOKEN, "say hi")
    assert finished.code != 0
    assert "claude-fb" in finished.out + finished.err
    assert plan.requests == []
