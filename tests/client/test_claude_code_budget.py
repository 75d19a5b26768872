"""What the user of the real Claude Code sees when a budget is used up."""

from __future__ import annotations

from pathlib import Path

from claude_proxy.core.status_report import Spent
from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.clock import NOON, FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, started_proxy
from fakes.scripts import answers
from scenarios.test_budget_used_up import priced


@async_test
async def test_shows_at_once_which_budget_is_used_up_and_how_to_raise_it(tmp_path: Path) -> None:
    claude = claude_code(tmp_path)
    async with FakeProvider(answers("hello")) as fake, started_proxy(priced(fake), clock=FakeClock(NOON)) as proxy:
        proxy.proxy.count_earlier_by_provider({"minimax": Spent(3.0)}, {"minimax": Spent(3.0)})
        result = await claude.start({"ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_AUTH_TOKEN": TOKEN}, "say hi")
    assert "the budget of $1.00 a day is used up ($3.00 spent) and begins anew at 2027-01-16 00:00" in result.out
    assert "raise it under `budgets` in config.json" in result.out
    assert [account.status for account in proxy.ledger.accounts] == [429]  # it is not asked again
