"""A provider opens a stream properly, and its first event is an error: the next provider answers."""

from __future__ import annotations

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import PING, error_event, message, message_start, stream_error
from fakes.steps import Raw, Script, Stream
from fakes.stream_checks import complete_text


@async_test
async def test_an_overloaded_first_event_fails_over_and_the_headers_show_it() -> None:
    first, second = FakeProvider(error_event("overloaded_error")), FakeProvider(message("hello"))
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post()
        assert await complete_text(answer) == "hello"
        assert answer.headers["x-claude-proxy-provider"] == "moonshot"
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=overloaded_error, moonshot=200"
        assert answer.headers["request-id"] == "req_fake"
    assert len(first.requests) == len(second.requests) == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([Stream(), message_start(), PING, stream_error("api_error")], id="after message_start and a ping"),
        pytest.param([Stream(), stream_error("a_kind_of_its_own")], id="of a kind that Anthropic does not have"),
        pytest.param(
            [Stream(), Raw(b'36\r\ndata: {"type":"error","error":{"type":"api_error"}}\r\n\r\n\r\n')],
            id="without a name",
        ),
    ],
)
@async_test
async def test_any_error_before_the_first_content_fails_over(script: Script) -> None:
    async with running_proxy(FakeProvider(script), FakeProvider(message("hello"))) as proxy:
        assert await complete_text(await proxy.post()) == "hello"


@async_test
async def test_nothing_of_a_rejected_stream_reaches_the_client() -> None:
    first = FakeProvider([Stream(), message_start(input_tokens=999), stream_error("overloaded_error")])
    async with running_proxy(first, FakeProvider(message("hello"))) as proxy:
        events = await (await proxy.post()).all_events()
    assert [event.data["message"]["usage"]["input_tokens"] for event in events if event.name == "message_start"] == [12]


@async_test
async def test_a_quota_error_as_first_event_starts_the_users_cooldown() -> None:
    first = FakeProvider(error_event("rate_limit_error"))
    async with running_proxy(first, FakeProvider(message("hello"))) as proxy:
        for _ in range(3):
            assert await complete_text(await proxy.post()) == "hello"
        status = await proxy.status()
    assert len(first.requests) == 1
    assert status["minimax"]["reason"] == "rate_limit_error"
