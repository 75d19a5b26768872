"""A client may name any model; what is kept and shown of the name stays short and printable."""

from __future__ import annotations

from claude_proxy.core.types import MAX_RECORDED
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import message
from fakes.steps import Status
from fakes.stream_checks import complete_text


@async_test
async def test_status_stays_small_after_requests_with_long_model_names() -> None:
    async with running_proxy(FakeProvider(message("first"))) as proxy:
        answer = await proxy.post(model="m\x1b[31m" + "x" * 2_000_000, headers={"X-Claude-Code-Session-Id": "a1"})
        assert await complete_text(answer) == "first"
        await proxy.ledger.wait_for_accounts(1)
        status = await (await proxy.ask("GET", "/admin/status")).json()
    for told in (status["last_answer"], status["sessions"]["a1"]):
        assert told["model"].startswith("m?[31mxxx")
        assert len(told["model"]) == 200


@async_test
async def test_an_account_keeps_little_of_long_names() -> None:
    """Thousands of accounts may wait for a disk that is full."""
    async with running_proxy(FakeProvider([Status(529)]), FakeProvider(message("second"))) as proxy:
        answer = await proxy.post(model="m" * 2_000_000, headers={"X-Claude-Code-Session-Id": "s" * 50_000})
        assert await complete_text(answer) == "second"
        [account] = await proxy.ledger.wait_for_accounts(1)
    names = [account.session, account.requested_model, account.used_model, *(each.model for each in account.attempts)]
    assert len(names) == 5
    assert [len(name) for name in names if len(name) > MAX_RECORDED] == []
