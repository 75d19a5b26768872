"""The real Claude Code with its own login to a plan, in front of the plan's provider and another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.activation import Activation
from claude_proxy.core.auth import Auth
from claude_proxy.core.client_requirements import ClientRequirements
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
"""Seconds after which the second provider's prompt cache has expired, so that the session goes back to the first."""
USED_UP = [Status(429, error_body("rate_limit_error", "limit reached"), {"retry-after": "7200"})]


def terminal_environ(proxy: RunningProxy, pin: str | None = None) -> dict[str, str]:
    """Return the environment of a Claude Code that is logged in, in a terminal that uses the proxy."""
    before = {"CLAUDE_CODE_OAUTH_TOKEN": LOGIN, activation.HEADERS: "X-Team: blue", activation.TOKEN: "of a gateway"}
    to = Activation(proxy.url, "127.0.0.1", TOKEN, pin, ClientRequirements(own_login=True))
    return activation.apply_changes(before, activation.activate(before, to))


def authorizations(requests: list[Request]) -> set[str | None]:
    return {request.header("authorization") for request in requests}


def count_messages(requests: list[Request]) -> int:
    return sum(request.method == "POST" for request in requests)


@async_test
async def test_uses_the_login_until_its_limit_and_again_after_the_reset(tmp_path: Path) -> None:
    claude, clock = claude_code(tmp_path), FakeClock()
    turns = iter([answers("of the plan"), lambda _: USED_UP, answers("of the plan again")])
    plan = FakeProvider(*turns)
    other = FakeProvider(answers("of the other"))
    async with running_proxy(configured(plan, auth=Auth.CLIENT, api_key=""), other, clock=clock) as proxy:
        environ = terminal_environ(proxy)
        first = await claude.start(environ, "say hi")
        assert (first.code, first.out) == (0, "of the plan"), first
        for seconds, text, count in (
            (0.0, "of the other", 2),
            (TWO_HOURS - IDLE, "of the other", 2),
            (IDLE, "of the plan again", 3),
        ):
            clock.pass_time(seconds)
            finished = await claude.start(environ, "--continue", "go on")
            assert (finished.code, finished.out) == (0, text), finished
            assert count_messages(plan.requests) == count
        notes = str(proxy.ledger.notes)
    assert authorizations(plan.requests) == {f"Bearer {LOGIN}"}
    assert all("oauth-2025-04-20" in (request.header("anthropic-beta") or "") for request in plan.requests)
    assert {request.header("x-team") for request in plan.requests} == {"blue"}
    posted = [request.json() for request in plan.requests if request.method == "POST"]
    assert all(body["system"][0]["text"].startswith("x-anthropic-billing-header:") for body in posted)
    assert count_messages(other.requests) == 2
    assert authorizations(other.requests) == {"Bearer key-of-moonshot"}
    for word in ("oauth-2025-04-20", "x-anthropic-billing-header"):
        assert word not in str(other.requests)
    for text in (str(other.requests), notes):
        assert LOGIN not in text
    assert TOKEN not in str(plan.requests) + str(other.requests)


REFUSED: Script = [Status(401, error_body("authentication_error", "OAuth token has expired"))]


@async_test
async def test_a_rejected_login_is_shown_as_without_the_proxy(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    plan, other = FakeProvider(REFUSED), FakeProvider(answers("of the other"))
    async with running_proxy(configured(plan, auth=Auth.CLIENT, api_key=""), other) as proxy:
        finished = await claude.start(terminal_environ(proxy), "say hi")
        through = count_messages(plan.requests)
    async with FakeProvider(REFUSED) as direct:
        without_proxy = await claude.start(
            {"CLAUDE_CODE_OAUTH_TOKEN": LOGIN, activation.BASE_URL: direct.url}, "say hi"
        )
        assert count_messages(direct.requests) == through
    assert (finished.code, finished.out) == (without_proxy.code, without_proxy.out)
    assert other.requests == []


@pytest.mark.parametrize("pin", [None, "minimax"])
@async_test
async def test_a_terminal_without_the_login_is_told_what_to_do(pin: str | None, tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    plan = FakeProvider(answers("of the plan"))
    async with running_proxy(configured(plan, auth=Auth.CLIENT, api_key="")) as proxy:
        finished = await claude.run(proxy.url + (f"/provider/{pin}" if pin else ""), TOKEN, "say hi")
    assert finished.code != 0
    assert "claude-fb" in finished.out + finished.err
    assert plan.requests == []
