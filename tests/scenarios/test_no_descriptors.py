"""This machine has no descriptors left: no provider is at fault, and the client is told."""

from __future__ import annotations

import errno
import os
import socket
from unittest import mock

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import message


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
@async_test
async def test_without_descriptors_no_provider_gets_a_strike(number: int) -> None:
    first, second = FakeProvider(message("first")), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        connection = await proxy.connect()
        with mock.patch.object(socket, "socket", side_effect=OSError(number, os.strerror(number))):
            answer = await proxy.post(connection=connection)
        assert (answer.status, (await answer.json())["error"]["type"]) == (503, "api_error")
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=local"
        assert {name: one["state"] for name, one in (await proxy.status()).items()} == {
            "minimax": "ready",
            "moonshot": "ready",
        }
    assert proxy.ledger.accounts[0].ending is Ending.ERROR
