"""A provider takes the client's own login, such as a plan's: the login goes to that provider alone and is not kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from claude_proxy.core.auth import Auth
from claude_proxy.store.log import LogLedger
from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, ConfiguredProvider, RunningProxy, configured, running_proxy
from fakes.scripts import answers, json_answer, message
from fakes.server_connection import Request
from fakes.steps import Cut, Script, Status, error_body
from fakes.stream_checks import complete_text

LOGIN = "sk-ant-oat01-login-of-the-user-5170"
BEARER = f"Bearer {LOGIN}"
BY_LOGIN = {"x-claude-proxy-token": TOKEN, "Authorization": BEARER, "anthropic-beta": "oauth-2025-04-20"}
BY_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
TWO_HOURS = 7200.0
USED_UP = [Status(429, error_body("rate_limit_error", f"limit of {LOGIN}"), {"retry-after": "7200"})]


def plan(at: FakeProvider) -> ConfiguredProvider:
    """Return the provider of a plan: `minimax` where it stands first."""
    return configured(at, auth=Auth.CLIENT, api_key="", api_key_env="")


def shown(requests: list[Request]) -> list[str | None]:
    return [request.header("authorization") for request in requests]


async def asked(proxy: RunningProxy, target: str = "/v1/messages", **headers: str) -> str:
    return await complete_text(await proxy.post(target, headers={**BY_LOGIN, **headers}))


@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_the_login_reaches_its_provider_unchanged_and_once(stream: bool) -> None:
    fake = FakeProvider(answers("hello"))
    async with running_proxy(plan(fake)) as proxy:
        headers = {**BY_LOGIN, "x-api-key": "another", "X-Claude-Code-Session-Id": "5e55", "x-app": "cli"}
        assert (await proxy.post("/v1/messages?beta=true", headers=headers, stream=stream)).status == 200
    [request] = fake.requests
    assert [value for name, value in request.headers if name.lower() == b"authorization"] == [BEARER.encode()]
    names = ("x-api-key", "anthropic-beta", "x-claude-code-session-id", "x-app")
    assert [request.header(name) for name in names] == [None, "oauth-2025-04-20", "5e55", "cli"]
    assert TOKEN not in str(request)


@async_test
async def test_the_request_stays_unchanged_for_the_plan_and_is_adapted_for_the_next_provider() -> None:
    first, second = FakeProvider([Status(529)]), FakeProvider(answers("second"))
    body = (
        b'{ "model":"claude-opus-5-5", "system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2;"},'
        b' {"type":"text","text":"be brief"}],\n "messages":[{"role":"user","content":"hi"},'
        b' {"role":"system","content":"by the way"}],"context_management":{ }, "stream": true}'
    )
    async with running_proxy(plan(first), second) as proxy:
        headers = {**BY_LOGIN, "anthropic-beta": "claude-code-20250219,oauth-2025-04-20"}
        answer = await proxy.ask("POST", "/v1/messages?beta=true", body, headers=headers)
        assert await complete_text(answer) == "second"
    assert first.requests[0].body == body
    assert first.requests[0].header("anthropic-beta") == "claude-code-20250219,oauth-2025-04-20"
    assert b"billing" not in second.requests[0].body
    assert second.requests[0].header("anthropic-beta") == "claude-code-20250219"


@async_test
async def test_counts_tokens_with_the_login_too() -> None:
    fake = FakeProvider(json_answer(200, {"input_tokens": 42}))
    async with running_proxy(plan(fake)) as proxy:
        answer = await proxy.post("/v1/messages/count_tokens", headers=BY_LOGIN, stream=False)
        assert await answer.json() == {"input_tokens": 42}
    assert shown(fake.requests) == [BEARER]


CARRIED = {
    "x-claude-proxy-token": BY_LOGIN,
    "x-claude-proxy-token, and a key of the client's": {**BY_LOGIN, "x-api-key": "sk-own"},
    "x-api-key": {"Authorization": BEARER, "x-api-key": TOKEN},
    "everywhere": {**BY_TOKEN, "x-claude-proxy-token": TOKEN, "x-api-key": TOKEN},
    "in front of the login": {"x-claude-proxy-token": TOKEN, "Authorization": f"Bearer {TOKEN}{LOGIN}"},
    "in another scheme": {"x-claude-proxy-token": TOKEN, "Authorization": f"Basic {TOKEN}"},
}


@pytest.mark.parametrize("headers", CARRIED.values(), ids=CARRIED.keys())
@async_test
async def test_the_proxys_own_token_never_reaches_a_provider(headers: dict[str, str]) -> None:
    first, second = FakeProvider([Status(529)]), FakeProvider(answers("second"))
    async with running_proxy(plan(first), second) as proxy:
        assert await complete_text(await proxy.post(headers=headers)) == "second"
    for request in first.requests + second.requests:
        assert TOKEN not in str(request)


TROUBLES: dict[str, Script] = {
    "used up": USED_UP,
    "overloaded": [Status(529, error_body("overloaded_error", f"busy: {LOGIN}"))],
    "broken": [Cut()],
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
@async_test
async def test_the_next_provider_never_gets_the_login(trouble: Script, tmp_path: Path) -> None:
    first, second = FakeProvider(trouble), FakeProvider(answers("second"))
    async with running_proxy(plan(first), second) as proxy:
        assert await asked(proxy) == "second"
        status = json.dumps(await proxy.status())
        told = repr(proxy.ledger)
        ledger = LogLedger(tmp_path / "proxy.log")
        for account in await proxy.ledger.wait_for_accounts(1):
            ledger.record(account)
        ledger.close()
    assert shown(first.requests) == [BEARER]
    assert shown(second.requests) == ["Bearer key-of-moonshot"]
    assert LOGIN not in str(second.requests)
    for text in (status, told, (tmp_path / "proxy.log").read_text(encoding="utf-8")):
        assert LOGIN not in text


@async_test
async def test_a_plans_limit_is_a_cooldown_until_its_reset() -> None:
    clock = FakeClock()
    first, second = FakeProvider(USED_UP, message("first")), FakeProvider(message("second"))
    async with running_proxy(plan(first), second, clock=clock) as proxy:
        assert await asked(proxy) == "second"
        assert (await proxy.status())["minimax"]["cooldown_until"] == clock.now + TWO_HOURS
        clock.pass_time(TWO_HOURS - 1)
        assert await asked(proxy) == "second"
        clock.pass_time(1)
        assert await asked(proxy) == "first"
    assert shown(first.requests) == [BEARER] * 2


@async_test
async def test_fails_over_to_a_provider_that_takes_the_login() -> None:
    first, second = FakeProvider([Status(529)]), FakeProvider(message("second"))
    async with running_proxy(first, plan(second)) as proxy:
        assert await asked(proxy) == "second"
    assert (shown(first.requests), shown(second.requests)) == (["Bearer key-of-minimax"], [BEARER])


@async_test
async def test_does_not_follow_a_redirect_with_the_login() -> None:
    elsewhere = FakeProvider(message("elsewhere"))
    async with elsewhere:
        first = FakeProvider([Status(307, b"", {"location": f"{elsewhere.url}/v1/messages"})])
        async with running_proxy(plan(first), FakeProvider(message("second"))) as proxy:
            assert await asked(proxy) == "second"
    assert elsewhere.requests == []


@async_test
async def test_a_pinned_plan_gets_the_login_and_its_error_is_relayed_unchanged() -> None:
    first, second = FakeProvider(USED_UP, message("first")), FakeProvider(message("second"))
    async with running_proxy(plan(first), second) as proxy:
        answer = await proxy.post("/provider/minimax/v1/messages", headers=BY_LOGIN)
        assert (answer.status, answer.headers["retry-after"]) == (429, "7200")
        assert await asked(proxy, "/provider/minimax/v1/messages") == "first"
        assert await asked(proxy, "/provider/moonshot/v1/messages") == "second"
    assert shown(first.requests) == [BEARER] * 2
    assert LOGIN not in str(second.requests)


@async_test
async def test_without_a_login_skips_the_plan() -> None:
    first, second = FakeProvider(message("first")), FakeProvider(message("second"))
    async with running_proxy(plan(first), second) as proxy:
        answer = await proxy.post(headers=BY_TOKEN)
        assert answer.headers["x-claude-proxy-attempts"] == "moonshot=200"
        assert await complete_text(answer) == "second"
        assert (await proxy.status())["minimax"]["state"] == "ready"
    assert first.requests == []


@pytest.mark.parametrize("target", ["/v1/messages", "/provider/minimax/v1/messages", "/v1/messages/count_tokens"])
@async_test
async def test_without_a_login_and_another_provider_the_error_says_how_to_fix_it(target: str) -> None:
    only = FakeProvider(message("first"))
    async with running_proxy(plan(only), program="python3 proxy.py") as proxy:
        answer = await proxy.post(target, headers=BY_TOKEN)
        error = (await answer.json())["error"]
        assert (answer.status, error["type"]) == (401, "authentication_error")
        assert answer.headers["x-should-retry"] == "false"
        assert "minimax takes Claude Code's own login" in error["message"]
        assert "claude-fb" in error["message"]
        assert error["message"].endswith(" or with `python3 proxy.py run -- claude`")
        report = (await proxy.status())["minimax"]
    assert (report["state"], report["strikes"], report["key_rejected"]) == ("ready", 0, False)
    assert only.requests == []


@pytest.mark.parametrize("status", [401, 403])
@async_test
async def test_relays_the_rejection_of_a_login_to_the_client_which_can_renew_it(status: int) -> None:
    words = error_body("authentication_error", f"OAuth token has expired: {LOGIN}")
    first, second = FakeProvider([Status(status, words)], message("first")), FakeProvider(message("second"))
    async with running_proxy(plan(first), second) as proxy:
        answer = await proxy.post(headers=BY_LOGIN)
        assert (answer.status, await answer.read()) == (status, words)
        assert "x-should-retry" not in answer.headers
        report = (await proxy.status())["minimax"]
        assert (report["auth"], report["key_rejected"], report["strikes"]) == ("client", True, 0)
        assert "OAuth token has expired: ***" in report["last_error"]["text"]
        [note] = proxy.ledger.notes
        assert "Log in again" in note
        assert LOGIN not in note
        assert await asked(proxy) == "first"
        assert not (await proxy.status())["minimax"]["key_rejected"]
    assert second.requests == []


@async_test
async def test_relays_the_rejection_of_a_login_even_with_failover_on_auth() -> None:
    words = error_body("authentication_error", "OAuth token has expired")
    first, second = FakeProvider([Status(401, words)], message("first")), FakeProvider(message("second"))
    async with running_proxy(plan(first), second, failover_on_auth=True) as proxy:
        assert (await proxy.post(headers=BY_LOGIN)).status == 401
        assert await asked(proxy) == "first"
    assert second.requests == []


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {"anthropic-ratelimit-unified-status": "rejected", "anthropic-ratelimit-unified-reset": "{reset}"}),
        (429, {"retry-after": "7200", "anthropic-ratelimit-unified-reset": "{reset}"}),
        (400, {"anthropic-ratelimit-unified-reset": "{reset}"}),
    ],
)
@async_test
async def test_a_plans_own_headers_set_its_cooldown(status: int, headers: dict[str, str]) -> None:
    clock = FakeClock()
    told = {name: value.format(reset=int(clock.now + TWO_HOURS)) for name, value in headers.items()}
    words = error_body("invalid_request_error" if status == 400 else "rate_limit_error", "You're out of extra usage")
    first, second = FakeProvider([Status(status, words, told)], message("first")), FakeProvider(message("second"))
    async with running_proxy(plan(first), second, clock=clock) as proxy:
        assert await asked(proxy) == "second"
        assert (await proxy.status())["minimax"]["cooldown_until"] == clock.now + TWO_HOURS
        clock.pass_time(TWO_HOURS)
        assert await asked(proxy) == "first"
    assert shown(first.requests) == [BEARER] * 2
    assert LOGIN not in str(second.requests)
