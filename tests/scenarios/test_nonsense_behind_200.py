"""A provider says 200 and means something else: the next one answers."""

from __future__ import annotations

import gzip
import json

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import answers, json_answer, message, message_start
from fakes.steps import Body, Close, Head, Raw, Script, Status, Stream, error_body
from fakes.stream_checks import complete_text

HTML = b"<!DOCTYPE html><html><body><h1>Scheduled maintenance</h1></body></html>"
STREAM = {"content-type": "text/event-stream"}
MESSAGE = json.dumps({"id": "m", "type": "message", "role": "assistant", "content": [], "usage": {}}).encode()

NONSENSE = {
    "HTML": [Status(200, HTML, {"content-type": "text/html"})],
    "HTML labelled as a stream": [Status(200, HTML, STREAM)],
    "an empty body": [Status(200, b"")],
    "an empty stream": [Stream()],
    "204": [Status(204, b"")],
    "a redirect": [Status(302, b"", {"location": "http://127.0.0.1:1/"})],
    "an error envelope": [Status(200, error_body("overloaded_error", "busy"))],
    "an error envelope labelled as a stream": [Status(200, error_body("api_error", "busy"), STREAM)],
    "base_resp": json_answer(200, {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}),
    "a code of its own": json_answer(200, {"code": 500, "msg": "404 NOT_FOUND", "success": False}),
    "JSON that is no object": json_answer(200, ["a", "list"]),
    "JSON cut short": [Status(200, b'{"type":"message","content":[{"type":"te')],
    "a body shorter than announced": [
        Head(200, {"content-type": "application/json", "content-length": "5000"}),
        Raw(MESSAGE),
        Close(),
    ],
    "a chunked body cut short": [Stream({"content-type": "application/json"}), Body(MESSAGE[:20]), Close()],
    "message_start and the end": [Stream(), message_start()],
    "gzip that is none": [Status(200, b"\x00garbage" * 9, {"content-encoding": "gzip"})],
    "gzip cut short": [Status(200, gzip.compress(MESSAGE * 50)[:40], {"content-encoding": "gzip"})],
    "an encoding nobody asked for": [Status(200, b"\x1b\x00\x00", {"content-encoding": "br"})],
    "not HTTP": [Raw(b"SSH-2.0-OpenSSH_9.6\r\n"), Close()],
    "a head without end": [Raw(b"HTTP/1.1 200 OK\r\n" + b"x-padding: " + b"x" * 2_000_000), Close()],
}


@pytest.mark.parametrize("script", NONSENSE.values(), ids=NONSENSE.keys())
@async_test
async def test_nonsense_behind_200_fails_over_to_a_stream(script: Script) -> None:
    first = FakeProvider(script)
    async with running_proxy(first, FakeProvider(answers("hello"))) as proxy:
        answer = await proxy.post()
        assert await complete_text(answer) == "hello"
        assert answer.headers["x-claude-proxy-provider"] == "moonshot"
    assert len(first.requests) == 1


@pytest.mark.parametrize("script", NONSENSE.values(), ids=NONSENSE.keys())
@async_test
async def test_nonsense_behind_200_fails_over_to_a_whole_answer(script: Script) -> None:
    first = FakeProvider(script)
    async with running_proxy(first, FakeProvider(answers("hello"))) as proxy:
        answer = await proxy.post(stream=False)
        assert (answer.status, (await answer.json())["content"][0]["text"]) == (200, "hello")
        report = (await proxy.status())["minimax"]
    assert report["state"] == "cooldown"


@async_test
async def test_a_whole_message_is_no_answer_to_a_streaming_request() -> None:
    async with running_proxy(FakeProvider([Status(200, MESSAGE)]), FakeProvider(message("hello"))) as proxy:
        assert await complete_text(await proxy.post()) == "hello"


@async_test
async def test_relays_a_stream_whatever_its_content_type() -> None:
    script = [Stream({"content-type": "application/json"}), *message("hello")[1:]]
    async with running_proxy(FakeProvider(script)) as proxy:
        answer = await proxy.post()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert await complete_text(answer) == "hello"


@async_test
async def test_reads_gzip_that_was_not_asked_for() -> None:
    body = gzip.compress(MESSAGE)
    async with running_proxy(FakeProvider([Status(200, body, {"content-encoding": "gzip"})])) as proxy:
        answer = await proxy.post(stream=False)
        assert (answer.status, await answer.read()) == (200, MESSAGE)
        assert "content-encoding" not in answer.headers
