"""Requests with many images: tens of megabytes, which not every provider takes."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, RunningProxy, running_proxy
from fakes.scripts import answers, json_answer, message
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
async def test_a_provider_that_found_a_request_too_large_is_asked_last_for_such_ones(status: int, text: str) -> None:
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


def takes_up_to(size: int, *, status: int, text: str) -> Callable[[Request], Script]:
    error = {"type": "error", "error": {"type": "request_too_large", "message": text}}
    return lambda request: (
        json_answer(status, error) if len(request.body) > size else answers(f"below {size // MB} MB")(request)
    )


@pytest.mark.parametrize(
    ("status", "text"),
    [(413, "Request exceeds the maximum size"), (400, "Request body is too large: the limit is 1048576 bytes")],
)
@async_test
async def test_a_provider_that_takes_larger_requests_now_is_asked_if_the_others_fail(status: int, text: str) -> None:
    """A server in front of it was wrong, or its limit was raised: the client must not lose its turn to that."""
    error = {"type": "error", "error": {"type": "request_too_large", "message": text}}
    first, second = FakeProvider(json_answer(status, error), message("it does now")), FakeProvider([Status(529)])
    async with running_proxy(first, second) as proxy:
        assert (await ask(proxy, with_images(2)))[0] == status
        assert await ask(proxy, with_images(2)) == (200, "it does now")
        assert len(second.requests) == 1


@pytest.mark.parametrize(
    ("status", "text"),
    [(413, "Request exceeds the maximum size"), (400, "Request body is too large: the limit is 1048576 bytes")],
)
@async_test
async def test_of_providers_that_are_overloaded_and_one_that_takes_less_the_client_is_told_to_ask_again(
    status: int, text: str
) -> None:
    first, second = FakeProvider(takes_up_to(MB, status=status, text=text)), FakeProvider([Status(529)])
    async with running_proxy(first, second) as proxy:
        await ask(proxy, with_images(2))
        for size in (2, 3, 4):
            assert (await ask(proxy, with_images(size)))[0] == 503
        rules = await (await proxy.ask("GET", "/admin/rules")).json()
    assert len(rules["rules"]) == 1  # that larger ones are too large as well teaches nothing


@async_test
async def test_a_request_that_is_too_large_for_all_gets_that_error() -> None:
    text = "Request exceeds the maximum size"
    providers = [FakeProvider(takes_up_to(size * MB, status=413, text=text)) for size in (1, 3)]
    async with running_proxy(*providers) as proxy:
        outcomes = [await ask(proxy, with_images(size)) for size in (2, 4, 4, 5)]
        assert [(status, text in answer) for status, answer in outcomes] == [(413, True)] * 4
        assert await ask(proxy, with_images(2)) == (200, "below 3 MB")
