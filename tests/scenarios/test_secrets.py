"""Secrets are fed in on every path; none may come out in the log, a note, a repr or a header."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from claude_proxy.net.traces.tracer import Traces
from claude_proxy.store.log import LogLedger
from claude_proxy.store.usage_db.database import Database
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, MemoryLedger, configured, running_proxy
from fakes.scripts import MESSAGE, answers, error_event, json_answer, message, opening, stream_error, tool_use
from fakes.server_connection import Request
from fakes.steps import Close, Cut, Raw, Script, Status, Stream, error_body
from fakes.stream_checks import complete_text

KEY = "sk-key-of-the-provider-7261"
ODD_KEY = "k/of+the==provider=7261/"
MESSAGE_BODY = json.dumps(MESSAGE).encode()
CLIENTS_KEY = "sk-ant-oat01-key-of-the-user-3390"
PROMPT_TEXT = "prompt-content-5511"
ANSWER_TEXT = "answer-content-8842"
COOKIE = "cookie-value-1207"
KEYS = (KEY, CLIENTS_KEY, COOKIE, TOKEN)
SECRETS = (*KEYS, PROMPT_TEXT, ANSWER_TEXT)

LEAKY_WORDS = f"invalid key {KEY} (Authorization: Bearer {KEY}) in request: {PROMPT_TEXT}"
LEAKY_BODY = error_body("authentication_error", LEAKY_WORDS)

PATHS: dict[str, Script] = {
    "a stream": message(ANSWER_TEXT),
    "a tool call": tool_use("Bash", {"command": ANSWER_TEXT}),
    "401 that quotes the key": [Status(401, LEAKY_BODY)],
    "400 that quotes the prompt": [Status(400, LEAKY_BODY)],
    "429 that quotes both": [Status(429, LEAKY_BODY)],
    "529 with HTML": [Status(529, f"<html>{LEAKY_WORDS}</html>".encode())],
    "500 with an empty body": [Status(500, b"")],
    "an error event": [Stream(), stream_error("overloaded_error", LEAKY_WORDS)],
    "an error event of a telling kind": error_event(KEY),
    "an error of a telling kind behind 200": [Status(200, error_body(PROMPT_TEXT, LEAKY_WORDS))],
    "base_resp": json_answer(200, {"base_resp": {"status_code": 2056, "status_msg": LEAKY_WORDS}}),
    "HTML behind 200": [Status(200, LEAKY_WORDS.encode(), {"content-type": "text/html"})],
    "a stream that dies": [*opening(ANSWER_TEXT), Cut()],
    "an error within a stream": [*opening(ANSWER_TEXT), stream_error("api_error", LEAKY_WORDS)],
    "a reset": [Cut()],
    "not HTTP": [Raw(LEAKY_WORDS.encode() + b"\r\n\r\n"), Close()],
    "a telling reason": [Raw(f"HTTP/1.1 999 {KEY}\r\nx: {KEY}\r\ncontent-length: 0\r\n\r\n".encode())],
    "a bad header": [Raw(f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode()), Close()],
    "a redirect to the key": [Status(302, b"", {"location": f"http://127.0.0.1:1/?key={KEY}"})],
}


def logged(told: MemoryLedger, log: Path) -> str:
    """Put every account and note through the real log and return what it holds."""
    ledger = LogLedger(log)
    for account in told.accounts:
        ledger.record(account)
    for note in told.notes:
        ledger.note(note)
    return log.read_text()


def kept(told: MemoryLedger, path: Path) -> bytes:
    """Put every account into the database of usage, and return the bytes of the file."""
    database = Database(path)
    database.add(told.accounts)
    database.close()
    return path.read_bytes()


def traced(told: MemoryLedger) -> str:
    """Make the spans of every account, and return them as text."""
    exporter = InMemorySpanExporter()
    traces = Traces(lambda *_: None, exporter)
    for account in told.accounts:
        traces.add(account)
    traces.close()
    return "".join(span.to_json() for span in exporter.get_finished_spans())


@pytest.mark.parametrize("script", PATHS.values(), ids=PATHS.keys())
@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_no_answer_log_or_status_shows_a_secret(script: Script, stream: bool, tmp_path: Path) -> None:
    fake = FakeProvider(script)
    headers = {
        "x-claude-proxy-token": TOKEN,
        "Authorization": f"Bearer {CLIENTS_KEY}",
        "Cookie": COOKIE,
    }
    async with running_proxy(configured(fake, api_key=KEY)) as proxy:
        prompt = [{"role": "user", "content": PROMPT_TEXT}]
        answer = await proxy.post("/v1/messages?beta=true", headers=headers, messages=prompt, stream=stream)
        body = await answer.read()
        await proxy.ledger.wait_for_accounts(1)
        told = logged(proxy.ledger, tmp_path / "proxy.log") + repr(proxy.ledger)
        usage = kept(proxy.ledger, tmp_path / "usage.db")
        metrics = (await (await proxy.ask("GET", "/metrics")).read()).decode()
        status = json.dumps(await (await proxy.ask("GET", "/admin/status")).json())
        status += (await (await proxy.ask("GET", "/admin/live")).read()).decode()
    spans = traced(proxy.ledger)
    ours = [value for name, value in answer.headers.items() if name.startswith("x-claude-proxy-")]
    assert ours
    assert b"claude-opus-5-5" in usage
    assert 'provider="minimax"' in metrics
    assert "claude-opus-5-5" in spans
    for secret in SECRETS:
        assert secret not in metrics
        assert secret not in spans
        assert secret not in told
        assert secret.encode() not in usage
        assert secret not in str(ours)
    for secret in KEYS:
        assert secret not in str(answer.headers)
        assert secret.encode() not in body
    for secret in KEYS:  # the status shows a provider's own words to its user, and these may quote a prompt
        assert secret not in status


WRITTEN = {
    "as it is": KEY,
    "with Bearer": f"Bearer {KEY}",
    "in a URL": quote(f"Bearer {ODD_KEY}"),
    "in JSON": json.dumps(ODD_KEY),
    "in JSON with its slashes escaped": json.dumps(ODD_KEY).replace("/", "\\/"),
}
QUOTING: dict[str, Callable[[str], Script]] = {
    "an error": lambda key: [Status(400, b"no: " + key.encode())],
    "an error that fails over": lambda key: [Status(429, b"no: " + key.encode())],
    "a header of an error": lambda key: [Status(400, None, {"x-debug": f"{key};{key}"})],
    "a header of a stream": lambda key: [Stream({"x-debug": key}), *message("hello")[1:]],
    "a header of a whole answer": lambda key: [Status(200, MESSAGE_BODY, {"x-debug": key})],
    "an error behind 200": lambda key: [Status(200, error_body("api_error", key))],
    "the first event": lambda key: [Stream(), stream_error("api_error", key)],
    "an error event": lambda key: [*opening("hello"), stream_error("api_error", key)],
    "a prompt that is too long": lambda key: [
        Status(400, error_body("invalid_request_error", f"prompt is too long {'x' * 270}{key}"))
    ],
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("quoting", QUOTING.values(), ids=QUOTING)
@pytest.mark.parametrize("ping_after", [0.0, 60.0], ids=["pinged", "not pinged"])
@async_test
async def test_a_key_that_a_provider_quotes_does_not_reach_the_client(
    quoting: Callable[[str], Script], written: str, ping_after: float
) -> None:
    whole = quoting is QUOTING["a header of a whole answer"]
    key = KEY if KEY in written else ODD_KEY
    fake = FakeProvider(quoting(written))
    async with running_proxy(configured(fake, api_key=key), ping_after=ping_after) as proxy:
        answer = await proxy.post(stream=not whole)
        body = await answer.read()
        status = json.dumps(await (await proxy.ask("GET", "/admin/status")).json())
        status += (await (await proxy.ask("GET", "/admin/live")).read()).decode()
    for told in (str(answer.headers), body.decode(), status):
        assert key[:10] not in told
        assert quote(key, safe="")[:12] not in told


@async_test
async def test_what_an_answer_says_stays_as_it_is() -> None:
    fake = FakeProvider(answers(f"your key is {KEY}"))
    async with running_proxy(configured(fake, api_key=KEY)) as proxy:
        assert await complete_text(await proxy.post()) == f"your key is {KEY}"
        assert KEY.encode() in await (await proxy.post(stream=False)).read()


@async_test
async def test_the_error_that_taught_a_rule_is_kept_without_the_key() -> None:
    refusal = error_body("invalid_request_error", f"top_k: Extra inputs are not permitted ({KEY})")
    fake = FakeProvider([Status(400, refusal)], message("hello"))
    async with running_proxy(configured(fake, api_key=KEY)) as proxy:
        assert await complete_text(await proxy.post(top_k=3)) == "hello"
        rules = await (await proxy.ask("GET", "/admin/rules")).read()
    assert b"not permitted (***)" in rules


@async_test
async def test_a_key_reaches_its_own_provider_only_and_the_clients_credentials_none() -> None:
    asked: list[Request] = []
    first, second = FakeProvider([Status(529)]), FakeProvider(message("hello"))
    async with running_proxy(configured(first, api_key=KEY), second) as proxy:
        headers = {"x-claude-proxy-token": TOKEN, "Authorization": f"Bearer {CLIENTS_KEY}", "x-api-key": CLIENTS_KEY}
        assert (await proxy.post(headers=headers)).status == 200
        asked += first.requests + second.requests
    assert KEY in str(first.requests[0].headers)
    assert KEY not in str(second.requests[0])
    assert CLIENTS_KEY not in str(asked)


@async_test
async def test_does_not_echo_what_it_refuses() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        for body in (f'{{"model": {PROMPT_TEXT}', f'{{"messages": "{PROMPT_TEXT}"}}', f'["{PROMPT_TEXT}"]'):
            answer = await proxy.ask("POST", "/v1/messages", body.encode())
            assert answer.status == 400
            assert PROMPT_TEXT.encode() not in await answer.read()
        assert PROMPT_TEXT not in repr(proxy.ledger.accounts)
        wrong = await proxy.post(headers={"Authorization": f"Bearer {CLIENTS_KEY}"})
        assert CLIENTS_KEY.encode() not in await wrong.read()
        assert CLIENTS_KEY not in repr(proxy.ledger.notes)
