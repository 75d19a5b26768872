"""A client may name any model; what the commands show of the name stays short and printable."""

from __future__ import annotations

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import message
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
