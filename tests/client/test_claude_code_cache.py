"""The real Claude Code, and a provider that caches what it is sent: what the proxy makes of their prompts."""

from __future__ import annotations

from pathlib import Path

from claude_proxy.core.cache_doctor.finding import CacheFinding
from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.prompt_cache import PromptCache
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, running_proxy


@async_test
async def test_three_turns_of_a_conversation_are_read_from_the_cache(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    async with running_proxy(FakeProvider(PromptCache())) as proxy:
        for prompt in ("say hi", "say it again", "and once more"):
            again = ["--continue"] if prompt != "say hi" else []
            assert (await claude.run(proxy.url, TOKEN, *again, prompt)).out == "hello"
        accounts = [account for account in proxy.ledger.accounts if account.kind == "messages"]
    asked = [(account.cache, account.usage) for account in accounts]
    read = [(finding, usage) for finding, usage in asked if finding and finding.expected_tokens]
    assert len(read) >= 2
    for finding, usage in read:
        assert finding == CacheFinding(usage.cache_read_input_tokens)
        assert finding.expected_tokens > 1024
