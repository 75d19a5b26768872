"""Requests that no provider is asked about: each gets an error in Anthropic's form."""

from __future__ import annotations

import pytest

from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import message
from fakes.story import story

MALFORMED = {
    "not JSON": b"{nonsense",
    "cut short": b'{"model": "claude-opus-5-5", "messages": [',
    "not an object": b'["model"]',
    "nested too deep": b'{"model": "m", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "without a model": b'{"messages": []}',
    "a model that is no text": b'{"model": 5, "messages": []}',
    "an empty model": b'{"model": "", "messages": []}',
    "not UTF-8": b'{"model": "\xff\xfe", "messages": []}',
    "two bodies": b'{"model": "m"}{"model": "m"}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("target", ["/v1/messages", "/v1/messages/count_tokens", "/provider/minimax/v1/messages"])
@story
async def test_a_malformed_body_is_400(body: bytes, target: str) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.ask("POST", target, body)
        error = await answer.json()
    assert (answer.status, error["type"], error["error"]["type"]) == (400, "error", "invalid_request_error")
    assert fake.requests == []


@story
async def test_an_empty_body_is_400() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        headers = {"Content-Type": "application/json", "Content-Length": "0"}
        assert (await proxy.ask("POST", "/v1/messages", headers=headers)).status == 400


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1"),
        ("POST", "/v1/complete"),
        ("POST", "/v1/messages/batches"),
        ("POST", "/v1//messages"),
        ("GET", "/provider"),
        ("POST", "/provider/minimax/v1/files"),
        ("GET", "/admin"),
        ("GET", "/../etc/passwd"),
        ("GET", "/health/more"),
    ],
)
@story
async def test_an_unknown_path_is_404(method: str, target: str) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.ask(method, target, b'{"model": "m"}' if method == "POST" else b"")
        error = await answer.json()
    assert (answer.status, error["error"]["type"]) == (404, "not_found_error")
    assert fake.requests == []


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("GET", "/v1/messages", "POST"),
        ("PUT", "/v1/messages", "POST"),
        ("GET", "/v1/messages/count_tokens", "POST"),
        ("DELETE", "/v1/models", "GET"),
        ("GET", "/provider/minimax/v1/messages", "POST"),
        ("POST", "/health", "GET"),
        ("GET", "/", "HEAD"),
        ("GET", "/provider/minimax", "HEAD"),
        ("DELETE", "/admin/status", "GET"),
        ("GET", "/admin/stop", "POST"),
    ],
)
@story
async def test_a_wrong_method_is_405_and_names_the_right_one(method: str, target: str, allowed: str) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.ask(method, target, b"{}" if method == "POST" else b"")
        error = await answer.json()
    assert (answer.status, error["type"]) == (405, "error")
    assert allowed in answer.headers["allow"]
    assert fake.requests == []


@pytest.mark.parametrize("target", ["/", "/api/hello", "/provider/minimax", "/provider/minimax/api/hello"])
@story
async def test_the_hello_of_claude_code_needs_no_provider(target: str) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.ask("HEAD", target)
        assert (answer.status, await answer.read()) == (200, b"")
    assert fake.requests == []


@story
async def test_health_needs_no_token_and_tells_no_secret() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        answer = await proxy.ask("GET", "/health", headers={"Authorization": ""})
        assert answer.status == 200
        report = await answer.json()
        assert report["instance"] == proxy.proxy.instance
    assert report.keys() == {"status", "service", "version", "instance"}
    assert (report["status"], report["service"]) == ("ok", "claude-proxy")


@story
async def test_what_is_not_http_gets_no_provider() -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        connection = await proxy.connect()
        await connection.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert (await connection.answer()).status == 400
    assert fake.requests == []
