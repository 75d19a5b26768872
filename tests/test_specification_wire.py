"""What the specification promises of requests, answers and errors: one test for each of its statements.

The project was begun from it, and nothing takes back what it says: these tests stand, whatever is renamed or moved.
Each test's docstring has its words. The proxy reads the configuration that it prints; the providers are scripted.
"""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, TOKEN, RunningProxy
from fakes.scripts import MESSAGE_STOP, block_start, block_stop, message, message_delta, message_start
from fakes.specification import CONFIG, COOLDOWN, MAX_BODY_BYTES, NEW_PROVIDER_CONFIG, NEW_PROVIDER_ENV, proxy_for
from fakes.steps import Body, Script, Status, Stream, Wait, text_delta
from fakes.stream_checks import complete_text

ERROR = b'{"type":"error",  "error":{"type":"invalid_request_error","message":"max_tokens: must be at least 1"}}'
BEGINNING = (
    b'event: message_start\ndata: {"type":"message_start", "message":{"usage":{"input_tokens":1}}}\n\n'
    b": a comment\n\nevent: ping\ndata: {}\n\n"
    b"event: content_block_start\n"
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
    b'event: content_block_delta\nid: 7\ndata: {"type":"content_block_delta", "index":0,\n'
    b'data: "delta":{"type":"text_delta","text":"\xc3\xa9"}}\n\n'
)
REST = (
    b'event: unheard_of\ndata: {"type":"unheard_of", "n":1.0}\n\n'
    b'event:content_block_stop\ndata:{"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
PLAIN = block_start({"type": "text", "text": ""})


def fails(status: int = 429) -> FakeProvider:
    return FakeProvider([Status(status)])


def says(text: str) -> FakeProvider:
    return FakeProvider(message(text))


# Failover


@async_test
async def test_minimax_is_the_primary_provider(tmp_path: Path) -> None:
    """MiniMax (primary)."""
    moonshot = says("from Moonshot")
    async with proxy_for(tmp_path, says("from MiniMax"), moonshot) as proxy:
        assert await complete_text(await proxy.post()) == "from MiniMax"
    assert moonshot.requests == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@async_test
async def test_each_status_of_the_list_goes_to_moonshot(status: int, tmp_path: Path) -> None:
    """The proxy retries on these HTTP status codes; Moonshot (fallback) on 429/5xx."""
    async with proxy_for(tmp_path, fails(status), says("from Moonshot")) as proxy:
        assert await complete_text(await proxy.post()) == "from Moonshot"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 409, 413, 415, 418, 422, 451])
@async_test
async def test_all_other_errors_are_forwarded_directly(status: int, tmp_path: Path) -> None:
    """All other errors are forwarded directly to the client."""
    minimax, moonshot = FakeProvider([Status(status, ERROR)]), says("from Moonshot")
    async with proxy_for(tmp_path, minimax, moonshot) as proxy:
        answer = await proxy.post()
        assert (answer.status, await answer.read()) == (status, ERROR)
    assert (len(minimax.requests), moonshot.requests) == (1, [])


@pytest.mark.parametrize("config", [CONFIG, CONFIG.replace(',\n  "cooldown_minutes": 30', "")], ids=["set", "default"])
@async_test
async def test_cooldown_minutes_is_30(config: str, tmp_path: Path) -> None:
    """`"cooldown_minutes": 30`, which is the default too."""
    clock, minimax = FakeClock(), FakeProvider([Status(429)], message("from MiniMax"))
    async with proxy_for(tmp_path, minimax, says("from Moonshot"), clock=clock, config=config) as proxy:
        assert await complete_text(await proxy.post()) == "from Moonshot"
        clock.pass_time(COOLDOWN - 1)
        assert await complete_text(await proxy.post()) == "from Moonshot"
        clock.pass_time(1)
        assert await complete_text(await proxy.post()) == "from MiniMax"


@async_test
async def test_no_failover_occurs_for_a_single_provider(tmp_path: Path) -> None:
    """When a single provider is specified […], no failover occurs. If that provider fails, the request fails."""
    minimax, moonshot = says("from MiniMax"), fails(503)
    async with proxy_for(tmp_path, minimax, moonshot) as proxy:
        answer = await proxy.post("/provider/moonshot/v1/messages")
        assert answer.status >= 500
        assert (await answer.json())["type"] == "error"
    assert (minimax.requests, len(moonshot.requests)) == ([], 1)


# Streams


@async_test
async def test_sse_responses_are_streamed_transparently(tmp_path: Path) -> None:
    """Streams SSE responses transparently from providers back to Claude: no byte differs."""
    gate = asyncio.Event()
    async with proxy_for(tmp_path, FakeProvider([Stream(), Body(BEGINNING), Wait(gate), Body(REST)])) as proxy:
        answer = await proxy.post()
        assert answer.headers["content-type"].startswith("text/event-stream")
        received = b""
        async for chunk in answer.chunks():
            received += chunk
            gate.set()
    assert received == BEGINNING + REST


@async_test
async def test_an_event_arrives_before_the_provider_sends_the_next(tmp_path: Path) -> None:
    """Streams SSE responses: the client need not wait for the end."""
    gate = asyncio.Event()
    end = [block_stop(), message_delta(), MESSAGE_STOP]
    script: Script = [Stream(), message_start(), PLAIN, text_delta("first"), Wait(gate), text_delta("second"), *end]
    async with proxy_for(tmp_path, FakeProvider(script)) as proxy:
        heard = ""
        async for event in (await proxy.post()).events():
            if event.name == "content_block_delta":
                heard += f"{event.data['delta']['text']} "
                gate.set()
    assert heard == "first second "


# What a provider is sent


@async_test
async def test_requests_go_to_v1_messages_below_the_base_url(tmp_path: Path) -> None:
    """Anthropic-compatible API access below `https://api.minimax.io/anthropic`."""
    minimax = says("from MiniMax")
    async with proxy_for(tmp_path, minimax) as proxy:
        await complete_text(await proxy.post(headers={"anthropic-version": "2023-06-01"}))
    [request] = minimax.requests
    assert (request.method, request.target) == ("POST", "/anthropic/v1/messages")
    assert request.header("anthropic-version") == "2023-06-01"
    assert request.json()["messages"] == PROMPT["messages"]


@async_test
async def test_the_authorization_header_is_replaced_with_the_providers_key(tmp_path: Path) -> None:
    """API keys are loaded from `.env`; original `Authorization` header is replaced with the provider's API key."""
    minimax, moonshot = fails(429), says("from Moonshot")
    async with proxy_for(tmp_path, minimax, moonshot) as proxy:
        await complete_text(await proxy.post())
    for fake, key in ((minimax, "sk-minimax"), (moonshot, "sk-moonshot")):
        [request] = fake.requests
        assert request.header("authorization") == f"Bearer {key}"
        assert TOKEN not in str(request.headers)


@async_test
async def test_the_host_header_is_adjusted_to_the_provider(tmp_path: Path) -> None:
    """`Host` header is adjusted to match the provider."""
    minimax, moonshot = fails(429), says("from Moonshot")
    async with proxy_for(tmp_path, minimax, moonshot) as proxy:
        await complete_text(await proxy.post())
    for fake in (minimax, moonshot):
        assert [request.header("host") for request in fake.requests] == [f"127.0.0.1:{fake.port}"]


@async_test
async def test_a_new_provider_needs_an_entry_and_a_key(tmp_path: Path) -> None:
    """Adding New Providers: edit `config.json`, add the API key to `.env`."""
    fake = says("from the new one")
    config = NEW_PROVIDER_CONFIG.replace("api.newprovider.com", "api.minimax.io")
    async with proxy_for(tmp_path, fake, config=config, env=NEW_PROVIDER_ENV) as proxy:
        assert await complete_text(await proxy.post()) == "from the new one"
    [request] = fake.requests
    assert (request.target, request.header("authorization")) == ("/anthropic/v1/messages", "Bearer sk-newprovider")


# Limits and security


async def send(proxy: RunningProxy, size: int) -> tuple[int, bytes]:
    """Send a request whose body has this many bytes."""
    body = json.dumps({**PROMPT, "stream": True}).encode()
    answer = await proxy.ask("POST", "/v1/messages", body + b" " * (size - len(body)))
    return answer.status, await answer.read()


@async_test
async def test_a_body_of_10_mb_is_accepted(tmp_path: Path) -> None:
    """Maximum request body size: 10MB."""
    minimax = says("from MiniMax")
    async with proxy_for(tmp_path, minimax) as proxy:
        assert (await send(proxy, MAX_BODY_BYTES))[0] == 200
    assert len(minimax.requests[0].body) == MAX_BODY_BYTES


@async_test
async def test_a_larger_body_gets_413_with_request_too_large(tmp_path: Path) -> None:
    """Requests exceeding this limit receive HTTP 413 with error type `request_too_large`."""
    minimax = says("from MiniMax")
    async with proxy_for(tmp_path, minimax) as proxy:
        status, body = await send(proxy, MAX_BODY_BYTES + 1)
    error = json.loads(body)
    assert (status, error["type"], error["error"]["type"]) == (413, "error", "request_too_large")
    assert minimax.requests == []


@async_test
async def test_the_proxy_runs_locally(tmp_path: Path) -> None:
    """The proxy runs locally: it listens on 127.0.0.1 and on no other address."""
    async with proxy_for(tmp_path, says("from MiniMax")) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5):
            pass
        with pytest.raises(OSError, match=r"refused|unreachable|assign|timed out"):
            socket.create_connection(("127.0.0.2", proxy.port), timeout=5)


@async_test
async def test_only_configured_providers_are_asked(tmp_path: Path) -> None:
    """[It] only forwards requests to configured providers: no request chooses its address."""
    minimax, elsewhere = says("from MiniMax"), says("from elsewhere")
    async with elsewhere, proxy_for(tmp_path, minimax) as proxy:
        for target in (f"{elsewhere.url}/v1/messages", "/provider/elsewhere/v1/messages"):
            await (await proxy.post(target)).read()
        headers = {"Host": f"127.0.0.1:{elsewhere.port}", "X-Forwarded-Host": f"127.0.0.1:{elsewhere.port}"}
        assert await complete_text(await proxy.post(headers=headers)) == "from MiniMax"
    assert elsewhere.requests == []
