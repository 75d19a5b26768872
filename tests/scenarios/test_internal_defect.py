"""A defect of the proxy's own: the client is told, and the log does not say that the client left."""

from __future__ import annotations

from unittest import mock

import pytest

from claude_proxy.core.types import Ending
from claude_proxy.proxy import gateway
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import message


@pytest.mark.parametrize("target", ["/v1/messages", "/v1/messages/count_tokens"])
@async_test
async def test_a_defect_is_recorded_as_an_error(target: str) -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        with mock.patch.object(gateway, "session_key", side_effect=ZeroDivisionError):
            answer = await proxy.post(target)
        assert (answer.status, (await answer.json())["error"]["type"]) == (500, "api_error")
        (account,) = await proxy.ledger.wait_for_accounts(1)
        assert (account.ending, account.status) == (Ending.ERROR, 500)
        assert await proxy.ledger.note_with("ZeroDivisionError")
