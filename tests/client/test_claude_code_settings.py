"""The real Claude Code whose own settings name an HTTP proxy, or a token: they override the terminal's environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.activation import Activation
from claude_proxy.core.client_requirements import ClientRequirements
from client.claude_code import ClaudeCode, claude_code
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, RunningProxy, running_proxy
from fakes.scripts import answers


def environ(proxy: RunningProxy, *, settings_proxy: bool) -> dict[str, str]:
    to = Activation(proxy.url, "127.0.0.1", TOKEN, None, ClientRequirements(), settings_proxy)
    return activation.apply_changes({}, activation.activate({}, to))


def write_settings(claude: ClaudeCode, **env: str) -> None:
    path = claude.folder("home") / ".claude" / "settings.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"env": env}), encoding="utf-8")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy"])
@async_test
async def test_reaches_the_proxy_past_the_companys_that_its_settings_name(tmp_path: Path, name: str) -> None:
    claude, company = claude_code(tmp_path), FakeProvider(answers("of the company's proxy"))
    async with company, running_proxy(FakeProvider(answers("hello"))) as proxy:
        write_settings(claude, **{name: company.url, "NO_PROXY": "corp.example"})
        finished = await claude.start(environ(proxy, settings_proxy=True), "say hi")
        assert (finished.code, finished.out) == (0, "hello"), finished
    assert company.requests == []


@async_test
async def test_shows_that_another_token_was_sent(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    async with running_proxy(FakeProvider(answers("hello"))) as proxy:
        write_settings(claude, ANTHROPIC_AUTH_TOKEN="stale")
        finished = await claude.start(environ(proxy, settings_proxy=False), "say hi")
        assert finished.code != 0
        assert "another one was sent" in finished.out + finished.err
