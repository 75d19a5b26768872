"""Requests with many images: tens of megabytes, which not every provider takes."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, RunningProxy, running_proxy
from fakes.scripts import answers, json_answer
from fakes.server_connection import Request
from fakes.steps import Script, Status
from fakes.stream_checks import complete_text

MB = 1024 * 1024


def with_images(megabytes: int) -> bytes:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * MB}}
    body = {**PROMPT, "stream": True, "messages": [{"role": "user", "content": [image] * megabytes}]}
    return json.dumps(body, separators=(",", ":")).encode()


async def ask(proxy: RunningProxy, body: bytes, target: str = "/v1/messages") -> tuple[int, str]:
    answer = await proxy.ask("POST", target, body)
    return answer.status, await complete_text(answer) if answer.status == 200 else (await answer.read()).decode()


@async_test
async def test_thirty_megabytes_are_held_twice_at_the_most_and_once_while_the_answer_comes() -> None:
    fake = FakeProvider(answers("hello"))
    body = with_images(30)
    async with running_proxy(fake, max_body_bytes=32 * MB) as proxy:
        assert (await ask(proxy, with_images(1)))[0] == 200  # what is made once is made now
        fake.requests.clear()
        tracemalloc.start()
        try:
            assert await ask(proxy, body) == (200, "hello")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert proxy.proxy.status().in_flight == 0
    # the fake client's own copy, the fake provider's (in pieces and joined), and the proxy's two and what is on its way
    assert peak < 6 * len(body)
    assert fake.requests[0].body == body


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (413, "Request exceeds the maximum size"),
        (413, "<html>413 Request Entity Too Large</html>"),
        (400, "Request body is too large: the limit is 1048576 bytes"),
    ],
)
@async_test
async def test_a_provider_that_found_a_request_too_large_is_passed_over_for_such_ones(status: int, text: str) -> None:
    def answer(request: Request) -> Script:
        if len(request.body) <= MB:
            return answers("first")(request)
        error = {"type": "error", "error": {"type": "request_too_large", "message": text}}
        return (
            [Status(413, text.encode(), {"content-type": "text/html"})] if "<" in text else json_answer(status, error)
        )

    first, second = FakeProvider(answer), FakeProvider(answers("second"))
    async with running_proxy(first, second) as proxy:
        await ask(proxy, with_images(2))
        asked = len(first.requests)
        assert await ask(proxy, with_images(2)) == (200, "second")
        assert len(first.requests) == asked
        assert await ask(proxy, with_images(0)) == (200, "first")
        assert (await ask(proxy, with_images(2), "/provider/minimax/v1/messages"))[0] != 200
        rules = await (await proxy.ask("GET", "/admin/rules")).json()
    assert {rule["learned"]["rule"]["kind"] for rule in rules["rules"]} == {"max_bytes"}
