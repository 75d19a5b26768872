"""Requests that reach no provider: each gets an error in Anthropic's form."""

from __future__ import annotations

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, running_proxy
from fakes.scripts import json_message, message
from fakes.stream_checks import complete_text

MALFORMED = {
    "not JSON": b"{nonsense",
    "cut short": b'{"model": "claude-opus-5-5", "messages": [',
    "not an object": b'["model"]',
    "without a model": b'{"messages": []}',
    "a model that is no text": b'{"model": 5, "messages": []}',
    "an empty model": b'{"model": "", "messages": []}',
    "not UTF-8": b'{"model": "\xff\xfe", "messages": []}',
    "two bodies": b'{"model": "m"}{"model": "m"}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("target", ["/v1/messages", "/v1/messages/count_tokens", "/provider/minimax/v1/messages"])
@async_test
async def test_a_malformed_body_gets_400(body: bytes, target: str) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.ask("POST", target, body)
        error = await answer.json()
    assert (answer.status, error["type"], error["error"]["type"]) == (400, "error", "invalid_request_error")
    assert fake.requests == []


@async_test
async def test_an_empty_body_gets_400() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        headers = {"Content-Type": "application/json", "Content-Length": "0"}
        assert (await proxy.ask("POST", "/v1/messages", headers=headers)).status == 400


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1"),
        ("POST", "/v1/complete"),
        ("POST", "/v1/messages/batches"),
        ("GET", "/provider"),
        ("POST", "/provider/minimax/v1/files"),
        ("GET", "/admin"),
        ("GET", "/../etc/passwd"),
        ("GET", "/health/more"),
    ],
)
@async_test
async def test_an_unknown_path_gets_404(method: str, target: str) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.ask(method, target, b'{"model": "m"}' if method == "POST" else b"")
        error = await answer.json()
    assert (answer.status, error["error"]["type"]) == (404, "not_found_error")
    assert fake.requests == []


@pytest.mark.parametrize(
    "path",
    ["/v1//messages", "/v1/v2/messages", "/anthropic/v1/messages", "/providers/minimax/v1/messages/", "/messages"],
)
@async_test
async def test_a_prompt_to_a_path_that_is_not_there_gets_a_status_that_claude_code_shows(path: str) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.post(path)
        error = (await answer.json())["error"]
    assert (answer.status, error["type"], answer.headers["x-should-retry"]) == (410, "not_found_error", "false")
    assert path in error["message"]
    assert "claude-fb" in error["message"]
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
        ("POST", "/", "HEAD"),
        ("POST", "/provider/minimax", "HEAD"),
        ("GET", "/api/hello", "HEAD"),
        ("DELETE", "/admin/status", "GET"),
        ("GET", "/admin/stop", "POST"),
    ],
)
@async_test
async def test_a_wrong_method_gets_405_with_the_right_one(method: str, target: str, allowed: str) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.ask(method, target, b"{}" if method == "POST" else b"")
        error = await answer.json()
    assert (answer.status, error["type"]) == (405, "error")
    assert allowed in answer.headers["allow"]
    assert fake.requests == []


@pytest.mark.parametrize("target", ["/", "/api/hello", "/provider/minimax", "/provider/minimax/api/hello"])
@async_test
async def test_the_hello_of_claude_code_needs_no_provider(target: str) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.ask("HEAD", target)
        assert (answer.status, await answer.read()) == (200, b"")
    assert fake.requests == []


@pytest.mark.parametrize("target", ["/", "/provider/minimax", "/provider/minimax/", "/?a=b"])
@async_test
async def test_a_browser_gets_a_sentence_without_a_token_or_a_secret(target: str) -> None:
    browser = {"Authorization": "", "Accept": "text/html,*/*", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        answer = await proxy.ask("GET", target, headers=browser)
        text = (await answer.read()).decode()
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert text.startswith("This is claude-proxy, which runs here for Claude Code.")
        assert not [word for word in ("minimax", proxy.proxy.instance, str(proxy.proxy.port)) if word in text]
        unknown = await proxy.ask("GET", "/provider/nobody", headers=browser)
        assert (unknown.status, (await unknown.read()).decode()) == (200, text)
        foreign = await proxy.ask("GET", target, headers={**browser, "Host": "evil.example"})
        assert foreign.status == 403


@async_test
async def test_health_needs_no_token_and_shows_no_secret() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        answer = await proxy.ask("GET", "/health", headers={"Authorization": ""})
        assert answer.status == 200
        report = await answer.json()
        assert report["instance"] == proxy.proxy.instance
    assert report.keys() == {"status", "service", "version", "instance"}
    assert (report["status"], report["service"]) == ("ok", "claude-proxy")


BODY = b'{"model": "m", "stream": true, "messages": []}'
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
NOT_HTTP = {
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "two framings": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n%b" % (len(BODY), CHUNKED),
    "two lengths": b"Content-Length: %d\r\nContent-Length: 3\r\n\r\n%b" % (len(BODY), BODY),
    "a length that is none": b"Content-Length: +%d\r\n\r\n%b" % (len(BODY), BODY),
    "an encoding nobody knows": b"Transfer-Encoding: chunked, x\r\n\r\n%b" % CHUNKED,
    "a chunk size that is none": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    "a header with a space": b"Content-Length : %d\r\n\r\n%b" % (len(BODY), BODY),
    "a header over two lines": b"Content-Length:\r\n %d\r\n\r\n%b" % (len(BODY), BODY),
}


@pytest.mark.parametrize("rest", NOT_HTTP.values(), ids=NOT_HTTP.keys())
@async_test
async def test_bytes_that_are_no_http_reach_no_provider(rest: bytes) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        connection = await proxy.connect()
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
        start = b"" if rest.startswith(b"\x16") else b"POST /v1/messages HTTP/1.1\r\n" + head.encode()
        await connection.send(start + rest)
        assert (await connection.answer()).status == 400
    assert fake.requests == []


@async_test
async def test_a_client_that_expects_100_continue_gets_it() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        connection = await proxy.connect()
        head = (
            f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {len(BODY)}\r\n\r\n"
        )
        await connection.send(head.encode())
        assert await connection.read_line() == b"HTTP/1.1 100 Continue"
        await connection.send(BODY)
        await connection.read_line()
        assert await complete_text(await connection.answer()) == "hello"


@pytest.mark.parametrize("name", ["%0d%0aX-Evil:%201", "a/b", "..", "%00", "%C3%BC" * 200])
@async_test
async def test_an_odd_pin_is_only_an_unknown_name(name: str) -> None:
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake) as proxy:
        answer = await proxy.post(f"/provider/{name}/v1/messages")
        assert (answer.status, (await answer.json())["type"]) == (410, "error")
        assert "x-evil" not in answer.headers
    assert fake.requests == []


@async_test
async def test_a_deeply_nested_body_does_no_harm() -> None:
    # how deep is too deep, the Python at work decides: 3.14 has room for more than this
    body = b'{"model": "m", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    async with running_proxy(FakeProvider(json_message())) as proxy:
        assert (await proxy.ask("POST", "/v1/messages", body)).status in (200, 400)
        assert (await proxy.post(stream=False)).status == 200
