"""The address of a provider leads back to the proxy: the request goes round once and not ten thousand times."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from claude_proxy.core.types import Policy, Provider
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, RunningProxy, make_config, make_provider, started_proxy
from fakes.scripts import json_message, message
from fakes.stream_checks import complete_text

TEXT = "claude-proxy: the base_url of the provider again leads back to this proxy. Correct it in config.json."


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def leading_to(port: int, name: str = "again", **changes: Any) -> Provider:
    """Return a provider whose address is a claude-proxy's at this port, and whose key lets in there."""
    return make_provider(name, f"http://127.0.0.1:{port}", **{"api_key": TOKEN, **changes})


@contextlib.asynccontextmanager
async def proxy_at(port: int, *providers: Provider, **policy: Any) -> AsyncIterator[RunningProxy]:
    config = replace(make_config(providers, Policy(**policy)), port=port)
    async with started_proxy(config) as proxy:
        yield proxy


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@async_test
async def test_a_provider_that_is_the_proxy_itself_is_refused_with_its_name(streamed: bool) -> None:
    port = free_port()
    async with proxy_at(port, leading_to(port)) as proxy:
        answer = await proxy.post(stream=streamed)
        assert (answer.status, answer.headers["x-should-retry"]) == (508, "false")
        assert answer.headers["x-claude-proxy-attempts"] == "again=loop"
        assert (await answer.json())["error"]["message"] == TEXT
        accounts = await proxy.ledger.wait_for_accounts(2)
        report = (await proxy.status())["again"]
    assert [[attempt.outcome for attempt in account.attempts] for account in accounts] == [[], ["loop"]]
    assert (report["state"], report["strikes"], report["last_error"]["text"]) == ("ready", 0, TEXT)


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("retried", [True, False], ids=["508 is retried", "as usual"])
@async_test
async def test_the_next_provider_answers_in_place_of_the_proxy_itself(streamed: bool, retried: bool) -> None:
    port, statuses = free_port(), Policy().retry_statuses - (set() if retried else {508})
    async with FakeProvider(message("hello", deltas=1) if streamed else json_message("hello")) as fake:
        providers = leading_to(port), make_provider("real", fake.url)
        async with proxy_at(port, *providers, retry_statuses=frozenset(statuses)) as proxy:
            answer = await proxy.post(stream=streamed)
            assert (answer.status, answer.headers["x-claude-proxy-attempts"]) == (200, "again=loop, real=200")
            assert b"hello" in await answer.read()
    assert len(fake.requests) == 1


@pytest.mark.parametrize("target", ["/v1/messages", "/provider/again/v1/messages", "/v1/messages/count_tokens"])
@async_test
async def test_a_pinned_request_and_a_count_go_round_once_too(target: str) -> None:
    port = free_port()
    async with proxy_at(port, leading_to(port)) as proxy:
        answer = await proxy.post(target)
        await answer.read()
        accounts = await proxy.ledger.wait_for_accounts(2)
    assert len(accounts) == 2


@async_test
async def test_two_proxies_that_lead_to_one_another_are_told_which_address_is_wrong() -> None:
    port, other_port = free_port(), free_port()
    one, other = proxy_at(port, leading_to(other_port, "there")), proxy_at(other_port, leading_to(port))
    async with one as proxy, other as second:
        answer = await proxy.post()
        assert answer.status == 508
        assert "the provider there leads back" in (await answer.json())["error"]["message"]
        assert len(await proxy.ledger.wait_for_accounts(2)) == 2
        assert len(await second.ledger.wait_for_accounts(1)) == 1


@async_test
async def test_a_loop_of_two_proxies_is_left_by_the_next_provider_of_either() -> None:
    port, other_port = free_port(), free_port()
    async with FakeProvider(message("hello")) as fake:
        one = proxy_at(port, leading_to(other_port, "there"))
        other = proxy_at(other_port, leading_to(port), make_provider("real", fake.url))
        async with one as proxy, other:
            assert await complete_text(await proxy.post()) == "hello"
    assert len(fake.requests) == 1


@async_test
async def test_a_proxy_behind_a_proxy_is_no_loop() -> None:
    port, other_port = free_port(), free_port()
    async with FakeProvider(message("hello")) as fake:
        chain = proxy_at(port, leading_to(other_port)), proxy_at(other_port, make_provider("real", fake.url))
        async with chain[0] as proxy, chain[1]:
            assert await complete_text(await proxy.post()) == "hello"
    assert len(fake.requests) == 1


@async_test
async def test_a_loop_is_refused_before_the_body_is_read() -> None:
    async with FakeProvider(message("hello")) as fake, proxy_at(0, make_provider("real", fake.url)) as proxy:
        hops = f"{proxy.proxy.instance}/again"
        connection = await proxy.connect()
        fields = {"Host": f"127.0.0.1:{proxy.port}", "Authorization": f"Bearer {TOKEN}", "x-claude-proxy-hops": hops}
        lines = {**fields, "Content-Type": "application/json", "Content-Length": "1000000"}
        answer = await connection.ask("POST", "/v1/messages", lines.items(), b"{")
        assert answer.status == 508
        assert (await answer.json())["error"]["message"] == TEXT
    assert fake.requests == []
