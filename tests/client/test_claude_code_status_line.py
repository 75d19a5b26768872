"""The status line as the real Claude Code shows it: in its place, in colour, and kept up to date by itself."""

from __future__ import annotations

from pathlib import Path

from claude_proxy.cli.claude_code import statusline_settings
from client.claude_code import claude_code
from client.terminal import interactive
from fakes.async_test import async_test
from fakes.command_line import SOURCE
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, running_proxy
from fakes.scripts import answers
from fakes.steps import Status


@async_test
async def test_shows_who_answers_what_it_cost_and_without_a_prompt_what_changes(tmp_path: Path) -> None:
    claude, proxy_home = claude_code(tmp_path), tmp_path / "proxy"
    (proxy_home / "state").mkdir(parents=True)
    (proxy_home / "state" / "token").write_text(TOKEN, encoding="ascii")
    settings = claude.folder("home") / ".claude"
    settings.mkdir()
    edit = statusline_settings.install({"CLAUDE_CONFIG_DIR": str(settings)}, statusline_settings.command())
    assert edit is not None
    edit.write()
    limited = FakeProvider([Status(429, headers={"retry-after": "600"})])
    async with running_proxy(FakeProvider(answers("hello")), limited) as proxy:
        environ = {"ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_AUTH_TOKEN": TOKEN}
        environ |= {"CLAUDE_PROXY_HOME": str(proxy_home), "PYTHONPATH": SOURCE}
        async with interactive(claude, environ) as terminal:
            await terminal.wait_for(lambda: "claude-proxy: fallback" in terminal.text, "the status line")
            await terminal.ask("say hi")
            await terminal.wait_for(lambda: "| minimax (claude-" in terminal.text, "who answers")
            await terminal.wait_for(lambda: "| today ?" in terminal.text, "the cost")
            answered = len(terminal.text)
            assert (await proxy.post("/provider/moonshot/v1/messages")).status == 429
            await terminal.wait_for(lambda: "moonshot: cooldown until" in terminal.text[answered:], "a cooldown")
