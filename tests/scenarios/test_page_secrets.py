"""Secrets are fed in on every path; the page and its stream of events tell none, and nothing of a conversation."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

import pytest

from claude_proxy.core.types import Policy
from claude_proxy.store.home import Home
from claude_proxy.store.usage_db.database import Database
from fakes.async_test import async_test
from fakes.client import BrokenError
from fakes.provider import FakeProvider
from fakes.proxy import make_config, make_provider, started_proxy
from fakes.scripts import message
from fakes.steps import Script
from scenarios.test_page_access import browse, cookie
from scenarios.test_page_live import events, follow
from scenarios.test_secrets import ANSWER_TEXT, CLIENTS_KEY, COOKIE, KEY, PATHS, PROMPT_TEXT, SECRETS


@pytest.mark.parametrize("script", PATHS.values(), ids=PATHS.keys())
@async_test
async def test_no_secret_and_no_content_is_on_the_page(script: Script, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    async with FakeProvider(script) as first, FakeProvider(message(ANSWER_TEXT)) as second:
        entries = [make_provider("minimax", first.url, api_key=KEY), make_provider("moonshot", second.url, api_key=KEY)]
        async with started_proxy(make_config(entries, Policy()), home=home) as proxy:
            answer = await proxy.post(
                headers={"x-api-key": CLIENTS_KEY, "Cookie": f"session={COOKIE}"},
                system=PROMPT_TEXT,
                messages=[{"role": "user", "content": PROMPT_TEXT}],
            )
            with suppress(BrokenError):
                await answer.read()
            with closing(Database(home.usage)) as database:
                database.add(await proxy.ledger.wait_for_accounts(1))
            given = await cookie(proxy)
            shown = (await (await browse(proxy, "/", given)).read()).decode()
            told = events(await follow(proxy, given))
            _, now = await anext(told)
            await told.aclose()
    assert "minimax" in shown
    assert "minimax" in now
    for secret in (*SECRETS, given.partition("=")[2]):
        assert secret not in shown
        assert secret not in now
