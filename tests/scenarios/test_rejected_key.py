"""A provider rejects its key: the log says so once, with the variable to fix, and the client is not to retry."""

from __future__ import annotations

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import answers, message
from fakes.steps import Status

BODY = b'{"error":{"type":"authentication_error","message":"invalid api key"},"type":"error"}'

REFUSED = "claude-proxy: minimax refused the key in MINIMAX_API_KEY (from .env). Replace it there"


@pytest.mark.parametrize("status", [401, 403])
@async_test
async def test_relays_the_rejection_of_a_key_with_x_should_retry_false(status: int) -> None:
    first, second = FakeProvider([Status(status, BODY)], answers("hello")), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post()
        error = {"type": "authentication_error", "message": f"{REFUSED}, or set failover_on_auth. invalid api key"}
        assert (answer.status, await answer.json()) == (status, {"error": error, "type": "error"})
        assert answer.headers["x-should-retry"] == "false"
        report = (await proxy.status())["minimax"]
        assert (report["key_rejected"], report["key"], report["key_source"]) == (True, "MINIMAX_API_KEY", ".env")
        assert (report["state"], report["strikes"]) == ("ready", 0)
        note = f"error: minimax refused the key in MINIMAX_API_KEY (from .env) ({status}). Replace it there."
        assert proxy.ledger.notes == [note]
        assert (await proxy.post()).status == 200
        assert not (await proxy.status())["minimax"]["key_rejected"]
    assert second.requests == []


@async_test
async def test_replaces_the_providers_own_x_should_retry() -> None:
    async with running_proxy(FakeProvider([Status(401, BODY, {"x-should-retry": "true"})])) as proxy:
        assert (await proxy.post()).headers["x-should-retry"] == "false"


@async_test
async def test_the_proxys_own_401_says_nothing_of_a_providers_key() -> None:
    async with running_proxy(FakeProvider([Status(401)])) as proxy:
        answer = await proxy.post(headers={"Authorization": "Bearer wrong"})
        assert answer.status == 401
        assert not (await proxy.status())["minimax"]["key_rejected"]


@async_test
async def test_missing_credit_is_relayed_behind_the_variable_of_the_key() -> None:
    body = b'{"type":"error","error":{"type":"billing_error","message":"pay first"},"request_id":"r"}'
    async with running_proxy(FakeProvider([Status(402, body)]), FakeProvider(message("second"))) as proxy:
        answer = await proxy.post()
        words = (
            "claude-proxy: minimax has no credit left for the key in MINIMAX_API_KEY (from .env). Top up its account"
        )
        error = {"type": "billing_error", "message": f"{words}, or set failover_on_auth. pay first"}
        assert (answer.status, answer.headers["x-should-retry"]) == (402, "false")
        assert await answer.json() == {"type": "error", "error": error, "request_id": "r"}
        assert (await proxy.status())["minimax"]["out_of_credit"]


@async_test
async def test_a_setting_that_would_not_help_a_pinned_request_is_not_named() -> None:
    async with running_proxy(FakeProvider([Status(401, BODY)]), FakeProvider(message("second"))) as proxy:
        answer = await proxy.post("/provider/minimax/v1/messages")
        assert (await answer.json())["error"]["message"] == f"{REFUSED}. invalid api key"
