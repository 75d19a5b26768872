"""Which header fields are forwarded, dropped and replaced; and that the body stays unchanged."""

from __future__ import annotations

import json

import pytest

from claude_proxy.core.auth import Auth
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import MODEL, TOKEN, configured, running_proxy
from fakes.scripts import message
from fakes.steps import Status

GOES_ON = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,context-1m-2025-08-07",
    "User-Agent": "claude-cli/2.1.330 (external, sdk-cli)",
    "X-Stainless-Lang": "js",
    "x-app": "cli",
    "anthropic-dangerous-direct-browser-access": "true",
    "x-unheard-of": "new",
}
ENDS_HERE = {
    "Cookie": "session=secret",
    "x-api-key": TOKEN,
    "x-claude-proxy-token": TOKEN,
    "x-claude-proxy-anything": "else",
    "X-Claude-Code-Session-Id": "5e55",
    "x-claude-code-agent-id": "a9e7",
    "x-claude-code-parent-agent-id": "9a7e",
    "Proxy-Authorization": "Basic c2VjcmV0",
    "Keep-Alive": "timeout=5",
    "TE": "trailers",
    "Connection": "keep-alive, x-hop",
    "x-hop": "by hop",
}


@async_test
async def test_forwards_only_the_headers_that_are_for_the_provider() -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        assert (await proxy.post("/v1/messages?beta=true", headers={**GOES_ON, **ENDS_HERE})).status == 200
    [request] = fake.requests
    assert request.target == "/v1/messages?beta=true"
    assert {name: request.header(name) for name in GOES_ON} == GOES_ON
    unwelcome = {name.lower() for name in ENDS_HERE} - {"connection"}
    assert not unwelcome & {name.decode().lower() for name, _ in request.headers}
    assert TOKEN not in str(request.headers)
    assert request.header("host") == f"127.0.0.1:{fake.port}"
    assert request.header("accept-encoding") == "identity"


@pytest.mark.parametrize(
    ("auth", "expected"),
    [(Auth.BEARER, ("Bearer key-of-minimax", None)), (Auth.X_API_KEY, (None, "key-of-minimax"))],
)
@async_test
async def test_sends_the_providers_key_in_place_of_the_clients_token(
    auth: Auth, expected: tuple[str | None, str | None]
) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(configured(fake, auth=auth)) as proxy:
        assert (await proxy.post(headers={"x-api-key": TOKEN})).status == 200
    [request] = fake.requests
    assert (request.header("authorization"), request.header("x-api-key")) == expected


@async_test
async def test_the_users_own_headers_for_a_provider_replace_the_clients() -> None:
    fake = FakeProvider(message("hello"))
    own = ((b"user-agent", b"mine"), (b"x-team", b"red"))
    async with running_proxy(configured(fake, headers=own)) as proxy:
        assert (await proxy.post(headers={"User-Agent": "claude-cli"})).status == 200
    [request] = fake.requests
    assert (request.header("user-agent"), request.header("x-team")) == ("mine", "red")


@async_test
async def test_sends_each_provider_its_own_key_and_its_own_model() -> None:
    first, second = FakeProvider([Status(529)]), FakeProvider(message("hello"))
    mapped = configured(second, models={"opus": "kimi-k3"})
    async with running_proxy(first, mapped) as proxy:
        assert (await proxy.post()).status == 200
    assert (first.requests[0].header("authorization"), first.requests[0].json()["model"]) == (
        "Bearer key-of-minimax",
        MODEL,
    )
    assert (second.requests[0].header("authorization"), second.requests[0].json()["model"]) == (
        "Bearer key-of-moonshot",
        "kimi-k3",
    )


@async_test
async def test_forwards_the_body_byte_for_byte_except_for_the_model() -> None:
    body = (
        '{ "system":[{"type":"text", "text":"be brief"}],"max_tokens" : 5,\n'
        '  "model": "claude-opus-5-5[1m]" ,"unknown":{"b":1.50,"a":"\\u00e9\\ud83d\\ude00 \u00fc"},'
        '"stream":true, "messages":[]}'
    ).encode()
    fake = FakeProvider(message("hello"))
    async with running_proxy(configured(fake, models={"opus": "kimi-k3"})) as proxy:
        assert (await proxy.ask("POST", "/v1/messages", body)).status == 200
    assert fake.requests[0].body == body.replace(b"claude-opus-5-5[1m]", b"kimi-k3")


@async_test
async def test_forwards_a_body_whose_model_is_not_mapped_byte_for_byte() -> None:
    body = json.dumps({"model": "kimi-k3", "stream": True, "messages": []}, indent=3).encode()
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        assert (await proxy.ask("POST", "/v1/messages", body)).status == 200
    assert fake.requests[0].body == body


@async_test
async def test_relays_only_the_providers_headers_that_are_for_the_client() -> None:
    headers = {
        "anthropic-ratelimit-requests-remaining": "7",
        "x-odd": "kept",
        "set-cookie": "a=b",
        "strict-transport-security": "max-age=1",
        "x-claude-proxy-provider": "impostor",
        "keep-alive": "timeout=5",
    }
    async with running_proxy(FakeProvider([Status(400, headers=headers)])) as proxy:
        answer = await proxy.post()
        await answer.read()
    assert (answer.headers["anthropic-ratelimit-requests-remaining"], answer.headers["x-odd"]) == ("7", "kept")
    assert answer.headers["x-claude-proxy-provider"] == "minimax"
    assert not {"set-cookie", "strict-transport-security", "keep-alive"} & answer.headers.keys()


@async_test
async def test_keeps_the_path_of_a_base_url() -> None:
    async with FakeProvider(message("hello")) as fake:
        async with running_proxy(configured(f"{fake.url}/api/anthropic")) as proxy:
            assert (await proxy.post("/v1/messages?beta=true")).status == 200
        assert fake.requests[0].target == "/api/anthropic/v1/messages?beta=true"
