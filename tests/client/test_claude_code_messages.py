"""What a person reads in the real Claude Code if no provider answers: the proxy's words, and one request for them."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from client.claude_code import claude_code
from client.terminal import interactive
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, configured, running_proxy
from fakes.scripts import answers
from fakes.steps import Script, Status

REFUSED = (
    "claude-proxy: minimax refused the key in MINIMAX_API_KEY (from .env). Replace it there, or set failover_on_auth. "
    "scripted 401"
)
LIMITED: Script = [Status(429, headers={"retry-after": "3600"})]


@pytest.mark.parametrize(
    ("script", "path", "words"),
    [
        pytest.param([Status(401)], "", REFUSED, id="a refused key"),
        pytest.param(LIMITED, "", "claude-proxy: All providers are at their limits: minimax until ", id="limits"),
        pytest.param(
            LIMITED,
            "/provider/kimi",
            "claude-proxy: no provider is named 'kimi'. Choose one of: minimax, moonshot",
            id="a pin that is not there",
        ),
        pytest.param(LIMITED, "/v0", "claude-proxy: there is nothing at /v0/v1/messages.", id="a path"),
    ],
)
@async_test
async def test_shows_the_words_of_the_proxy(script: Script, path: str, words: str, tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    fakes = [FakeProvider(script), FakeProvider(script)]
    async with running_proxy(*fakes) as proxy:
        finished = await claude.run(f"{proxy.url}{path}", TOKEN, "say hi")
    assert finished.code == 1
    assert words in finished.out
    assert [len(fake.requests) for fake in fakes] in ([0, 0], [1, 0], [1, 1])


@async_test
async def test_shows_once_that_no_certificate_is_trusted(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    async with contextlib.AsyncExitStack() as stack:
        fake = await stack.enter_async_context(FakeProvider(answers("hello"), tls=True))
        proxy = await stack.enter_async_context(running_proxy(configured(f"https://127.0.0.1:{fake.port}")))
        finished = await claude.run(proxy.url, TOKEN, "say hi")
        accounts = len(proxy.ledger.accounts)
    assert "claude-proxy: the certificate of minimax is not trusted" in finished.out
    assert "NODE_EXTRA_CA_CERTS" in finished.out
    assert accounts == 1


@async_test
async def test_shows_a_refused_key_in_a_terminal_too(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    async with running_proxy(FakeProvider([Status(401)]), FakeProvider([Status(401)])) as proxy:
        environ = {"ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_AUTH_TOKEN": TOKEN}
        async with interactive(claude, environ) as terminal:
            await terminal.ask("say hi")
            words = "refused the key in MINIMAX_API_KEY (from .env)"
            await terminal.wait_for(lambda: words in terminal.text, "the proxy's words")
