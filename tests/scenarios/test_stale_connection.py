"""The network changes between two requests, and the kept connection is dead: the same provider answers, unharmed."""

from __future__ import annotations

import pytest

from claude_proxy.net.upstream import tcp
from fakes.async_test import async_test
from fakes.deaf import deafen, needs_linux
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import message
from fakes.stream_checks import complete_text

pytestmark = needs_linux


@async_test
async def test_a_dead_connection_costs_no_strike_and_no_failover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "STALE_AFTER", 0.3)
    first, second = FakeProvider(message("one"), message("two")), FakeProvider(message("of the second"))
    async with running_proxy(first, second) as proxy:
        assert await complete_text(await proxy.post()) == "one"
        for connection in first.connections:
            deafen(connection)
        assert await complete_text(await proxy.post()) == "two"
        first.connections[0].cut()  # it does not hear that the proxy has left
        status = await (await proxy.ask("GET", "/admin/status")).json()
        assert [(provider["state"], provider["strikes"]) for provider in status["providers"]] == [("ready", 0)] * 2
        assert [len(account.attempts) for account in proxy.ledger.accounts] == [1, 1]
    assert second.requests == []
    assert len(first.requests) == 2
