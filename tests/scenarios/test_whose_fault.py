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
