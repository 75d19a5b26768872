"""Whose fault a status is: the provider's, its account's, or the request's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import answers, json_message, message, stream_error
from fakes.server_connection import Request
from fakes.steps import Event, Script, Status, Stream, error_body
from fakes.stream_checks import complete_text

HTML = {"content-type": "text/html"}
CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"
NGINX = b"<html>\r\n<head><title>%d</title></head>\r\n<body><center>nginx</center></body>\r\n</html>\r\n"


@pytest.mark.parametrize("status", [408, 425, 500, 505, 507, 509, 511, 520, 522, 524, 530, 598])
@pytest.mark.parametrize("form", ["json", "page"])
@async_test
async def test_a_status_of_the_providers_own_fails_over_with_a_strike_in_any_form(status: int, form: str) -> None:
    body = error_body("api_error", "A timeout occurred") if form == "json" else NGINX % status
    async with running_proxy(FakeProvider([Status(status, body)]), FakeProvider(message("second"))) as proxy:
        answer = await proxy.post()
        assert answer.headers["x-claude-proxy-attempts"] == f"minimax={status}, moonshot=200"
        assert await complete_text(answer) == "second"
        assert (await proxy.status())["minimax"]["strikes"] == 1


@pytest.mark.parametrize(
    ("status", "body", "strikes", "label"),
    [
        (403, CHALLENGE, 1, "page"),
        (404, NGINX % 404, 1, "page"),
        (405, b"", 1, "page"),
        (413, NGINX % 413, 0, "request_too_large"),
    ],
)
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@async_test
async def test_a_page_of_a_server_in_front_fails_over(
    status: int, body: bytes, strikes: int, label: str, streamed: bool
) -> None:
    second = FakeProvider(message("second", deltas=1) if streamed else json_message("second"))
    async with running_proxy(FakeProvider([Status(status, body, HTML)]), second) as proxy:
        answer = await proxy.post(stream=streamed)
        assert (answer.status, b"second" in await answer.read()) == (200, True)
        assert answer.headers["x-claude-proxy-attempts"] == f"minimax={label}, moonshot=200"
        told = (await proxy.status())["minimax"]
    assert (told["strikes"], told["key_rejected"]) == (strikes, False)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("insufficient_user_quota", "user quota is not enough"),
        ("", "Your account has run out of credits"),
        ("quota_exceeded", "no"),
    ],
)
@async_test
async def test_a_403_that_says_that_nothing_is_left_is_a_quota(code: str, words: str) -> None:
    body = json.dumps({"error": {"message": words, "type": "new_api_error", "param": "", "code": code}}).encode()
    async with running_proxy(FakeProvider([Status(403, body)]), FakeProvider(message("second"))) as proxy:
        assert await complete_text(await proxy.post()) == "second"
        told = (await proxy.status())["minimax"]
    assert (told["state"], told["strikes"], told["key_rejected"]) == ("cooldown", 0, False)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("conflict_error", 409),
        ("request_too_large", 413),
    ],
)
@async_test
async def test_an_error_event_that_begins_a_stream_counts_as_the_status_of_its_type(kind: str, status: int) -> None:
    second = FakeProvider(message("second"))
    async with running_proxy(FakeProvider([Stream(), stream_error(kind, "tools: wrong")]), second) as proxy:
        answer = await proxy.post()
        assert (answer.status, b"tools: wrong" in await answer.read()) == (status, True)
        assert (await proxy.status())["minimax"]["strikes"] == 0
    assert second.requests == []


def refuses_context_management(request: Request) -> Script:
    if "context_management" in request.json():
        return [Stream(), stream_error("invalid_request_error", "context_management: Extra inputs are not permitted")]
    return answers()(request)


@async_test
async def test_what_an_error_event_refuses_is_left_out_at_once() -> None:
    field: dict[str, Any] = {"edits": []}
    async with running_proxy(FakeProvider(refuses_context_management), FakeProvider(message("no"))) as proxy:
        answer = await proxy.post(context_management=field)
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=400, minimax=200"
        assert await complete_text(answer) == "hello"
        assert (await proxy.status())["minimax"]["strikes"] == 0


@pytest.mark.parametrize("kind", ["api_error", "overloaded_error", "odd_error"])
@async_test
async def test_another_error_event_is_the_providers_fault(kind: str) -> None:
    first = FakeProvider([Stream(), Event("error", {"error": {"type": kind, "message": "no"}})])
    async with running_proxy(first, FakeProvider(message("second"))) as proxy:
        assert await complete_text(await proxy.post()) == "second"
        assert (await proxy.status())["minimax"]["strikes"] == 1


def refusing(words: str, status: int, wrong: str) -> Any:
    """Answer what does not hold `wrong`; refuse the rest as a local server does."""
    body = json.dumps({"error": {"code": status, "message": words, "type": "server_error"}}).encode()

    def answer(request: Request) -> Script:
        return [Status(status, body)] if wrong.encode() in request.body else answers()(request)

    return answer


SYSTEM = [{"role": "user", "content": "hi"}, {"role": "system", "content": "environment"}]
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
PICTURE = [{"role": "user", "content": [IMAGE, {"type": "text", "text": "what is this?"}]}]
TEMPLATE = "\n------------\nError: Jinja Exception: System message must be at the beginning."
METADATA = {"user_id": '{"device_id":"d","session_id":"s"}'}
HI = [{"role": "user", "content": "hi"}]
BAD_USER_ID = (
    "Invalid 'user_id': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
)
REFUSALS = [
    (500, TEMPLATE, '"system"', SYSTEM, "role:system"),
    (500, "Conversation roles must alternate user/assistant/user/assistant/...", '"system"', SYSTEM, "role:system"),
    (500, "image input is not supported - hint: you may need to provide the mmproj", '"image"', PICTURE, "block:image"),
    (502, "This model does not accept pictures", '"image"', PICTURE, "block:image"),
    (404, "No endpoints found that support image input", '"image"', PICTURE, "block:image"),
    (400, "At most 0 image(s) may be provided in one prompt.", '"image"', PICTURE, "block:image"),
    (400, "messages[1].content must be a string", '"image"', PICTURE, "block:image"),
    (400, BAD_USER_ID, '"user_id"', HI, "field:metadata.user_id"),
]


@pytest.mark.parametrize(("status", "words", "wrong", "messages", "rule"), REFUSALS)
@async_test
async def test_what_a_provider_refuses_in_words_is_learned_whatever_its_status(
    status: int, words: str, wrong: str, messages: Any, rule: str
) -> None:
    first = FakeProvider(refusing(words, status, wrong))
    async with running_proxy(first, FakeProvider(message("no"))) as proxy:
        answer = await proxy.post("/provider/minimax/v1/messages", messages=messages, metadata=METADATA)
        assert answer.headers["x-claude-proxy-attempts"] == f"minimax={status}, minimax=200"
        assert await complete_text(answer) == "hello"
        again = await proxy.post("/provider/minimax/v1/messages", messages=messages, metadata=METADATA)
        assert again.headers["x-claude-proxy-attempts"] == "minimax=200"
        assert rule in again.headers["x-claude-proxy-adapted"]
        await complete_text(again)
        assert (await proxy.status())["minimax"]["strikes"] == 0


@async_test
async def test_a_refusal_behind_a_500_that_stays_costs_no_strike_and_the_next_provider_answers() -> None:
    first = FakeProvider(refusing(TEMPLATE, 500, "environment"))
    async with running_proxy(first, FakeProvider(message("second"))) as proxy:
        for _ in range(2):
            answer = await proxy.post(messages=SYSTEM)
            assert answer.headers["x-claude-proxy-attempts"] == "minimax=500, minimax=500, moonshot=200"
            assert await complete_text(answer) == "second"
        told = (await proxy.status())["minimax"]
    assert (told["state"], told["strikes"]) == ("ready", 0)


@async_test
async def test_a_500_after_a_retry_that_says_nothing_of_the_request_teaches_nothing() -> None:
    def fails_then(request: Request) -> Script:
        refused = refusing(TEMPLATE, 500, '"system"')(request)
        return refused if b'"system"' in request.body else [Status(500)]

    async with running_proxy(FakeProvider(fails_then), FakeProvider(answers("second"))) as proxy:
        await complete_text(await proxy.post(messages=SYSTEM))
        told = (await proxy.status())["minimax"]
        again = await proxy.post("/provider/minimax/v1/messages", messages=SYSTEM)
        assert again.headers["x-claude-proxy-attempts"] == "minimax=500, minimax=500"
    assert told["strikes"] == 1
