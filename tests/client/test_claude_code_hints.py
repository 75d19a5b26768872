"""What the real Claude Code says of its requests if `run` and the shell functions ask it to, and who hears it."""

from __future__ import annotations

from pathlib import Path

from claude_proxy.cli.shell.activation import HINTS
from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, running_proxy
from fakes.scripts import answers


@async_test
async def test_says_what_its_requests_are_for_to_the_proxy_alone(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    fake = FakeProvider(answers("hello"))
    async with running_proxy(fake) as proxy:
        environ = {"ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_AUTH_TOKEN": TOKEN}
        assert (await claude.start({**environ, HINTS: "1"}, "say hi")).out == "hello"
        hints = [account.hints for account in proxy.ledger.accounts]
        told = [
            name
            for request in fake.requests
            for name, _ in request.headers
            if name.lower().startswith(b"x-claude-code")
        ]
        assert (await claude.start({**environ, HINTS: "0"}, "say hi")).out == "hello"
        untold = [account.hints for account in proxy.ledger.accounts[len(hints) :]]
    assert "main" in [each.request_class for each in hints]
    assert all(each.prompt for each in hints if each.request_class == "main")
    assert {each.request_class for each in untold} == {""}
    assert told == []
