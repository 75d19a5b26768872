"""A provider says in its own words that a limit is reached: the next one answers, and it is in cooldown for as long."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from claude_proxy.core.traits import Traits
from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import configured, running_proxy
from fakes.scripts import json_message, message, stream_error
from fakes.steps import Event, Script, Status, Stream, error_body
from fakes.stream_checks import complete_text

HOUR = 3600.0
NOW = FakeClock().now
IN_CHINA = (datetime.fromtimestamp(NOW, UTC) + timedelta(hours=8 + 2)).strftime("%Y-%m-%d %H:%M:%S")
"""In two hours, as a clock in China shows it."""
USED_UP = f"Usage limit reached for 5 hour. Your limit will reset at {IN_CHINA}"


def zai(code: str, words: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": words}}).encode()


def minimax(code: int, words: str) -> bytes:
    return json.dumps({"base_resp": {"status_code": code, "status_msg": words}}).encode()


PLACES: dict[str, Any] = {
    "behind its status": lambda status, body: [Status(status, body)],
    "behind a 200": lambda _, body: [Status(200, body)],
    "in the first event": lambda _, body: [Stream(), Event("error", json.loads(body))],
    "in a nameless event": lambda _, body: [Stream(), Nameless(body)],
}


class Nameless(Event):
    """A server-sent event without a name."""

    def __init__(self, body: bytes) -> None:
        super().__init__("", json.loads(body))

    def encode(self) -> bytes:
        return b"data: " + json.dumps(dict(self.data)).encode() + b"\n\n"


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize(
    ("status", "body", "rest", "reason"),
    [
        pytest.param(429, zai("1308", USED_UP), 2 * HOUR, "plan_limit", id="a plan's limit until a time"),
        pytest.param(429, zai("1113", "arrears"), 6 * HOUR, "no_credit", id="no credit"),
        pytest.param(400, zai("x", "You're out of extra usage."), 6 * HOUR, "plan_limit", id="no extra usage"),
        pytest.param(429, minimax(2056, "usage limit exceeded"), 1800.0, "plan_limit", id="a plan's limit"),
        pytest.param(429, zai("1305", "busy"), 15.0, "overloaded_error", id="overloaded"),
    ],
)
@async_test
async def test_a_providers_limit_fails_over_and_starts_a_cooldown(
    place: Any, status: int, body: bytes, rest: float, reason: str
) -> None:
    clock = FakeClock()
    first = FakeProvider(place(status, body), message("first"))
    east = configured(first, traits=Traits(reset_utc_offset=8.0))
    async with running_proxy(east, FakeProvider(message("second")), clock=clock) as proxy:
        answer = await proxy.post()
        assert answer.headers["x-claude-proxy-attempts"] == f"minimax={reason}, moonshot=200"
        assert await complete_text(answer) == "second"
        told = (await proxy.status())["minimax"]
        assert (told["state"], told["reason"], told["cooldown_until"]) == ("cooldown", reason, NOW + rest)
        clock.pass_time(rest - 1)
        assert await complete_text(await proxy.post()) == "second"
        clock.pass_time(1)
        assert await complete_text(await proxy.post()) == "first"


@async_test
async def test_an_answer_to_a_pinned_request_ends_a_long_cooldown() -> None:
    first = FakeProvider([Status(429, zai("1113", "arrears"))], message("paid"))
    async with running_proxy(first, FakeProvider(message("second"))) as proxy:
        assert await complete_text(await proxy.post()) == "second"
        told = (await proxy.status())["minimax"]
        assert (told["out_of_credit"], told["why"]) == (True, "out of credit")
        await proxy.ledger.note_with("minimax has no credit left (no_credit). Top up its account.")
        assert await complete_text(await proxy.post("/provider/minimax/v1/messages")) == "paid"
        assert await complete_text(await proxy.post()) == "paid"
        assert not (await proxy.status())["minimax"]["out_of_credit"]


@pytest.mark.parametrize("script", [[Status(400, minimax(2013, "bad"))], [Status(200, minimax(2013, "bad"))]])
@async_test
async def test_a_bad_parameter_behind_a_200_is_the_requests_fault(script: Script) -> None:
    first, second = FakeProvider(script), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post()
        assert (answer.status, b"bad" in await answer.read()) == (400, True)
        assert (await proxy.status())["minimax"]["strikes"] == 0
    assert second.requests == []


@async_test
async def test_an_unknown_model_fails_over_and_status_names_it() -> None:
    unknown = error_body("not_found_error", "model: kimi-k9")
    first = configured(FakeProvider([Status(404, unknown)], message("first")), models={"opus": "kimi-k9"})
    async with running_proxy(first, FakeProvider(message("second"))) as proxy:
        answer = await proxy.post()
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=unknown_model, moonshot=200"
        assert await complete_text(answer) == "second"
        told = (await proxy.status())["minimax"]
        assert (told["state"], told["strikes"], told["unknown_model"]) == ("ready", 0, "kimi-k9")
        assert "kimi-k9" in await proxy.ledger.note_with("Correct `models`")
        assert await complete_text(await proxy.post()) == "first"
        assert (await proxy.status())["minimax"]["unknown_model"] is None


@pytest.mark.parametrize("target", ["/v1/messages", "/provider/minimax/v1/messages"])
@async_test
async def test_if_no_provider_knows_the_model_the_last_error_is_relayed(target: str) -> None:
    bodies = [error_body("not_found_error", f"model: no-{number}") for number in range(2)]
    async with running_proxy(*(FakeProvider([Status(404, body)]) for body in bodies)) as proxy:
        answer = await proxy.post(target)
        expected = bodies[0] if "provider" in target else bodies[1]
        assert (answer.status, await answer.read()) == (404, expected)
        assert "retry-after" not in answer.headers


TOO_LONG = error_body("api_error", "This model's maximum context length is 5 tokens. However, you requested 9 tokens")


@pytest.mark.parametrize("script", [[Status(400, TOO_LONG)], [Status(200, TOO_LONG)]], ids=["400", "200"])
@async_test
async def test_a_prompt_too_long_for_all_gets_anthropics_error(script: Script) -> None:
    async with running_proxy(FakeProvider(script), FakeProvider(script)) as proxy:
        answer = await proxy.post()
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=too_long, moonshot=too_long"
        assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
        assert "retry-after" not in answer.headers
        assert await answer.json() == {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 5 maximum"},
        }
        assert [one["state"] for one in (await proxy.status()).values()] == ["ready", "ready"]


@async_test
async def test_a_prompt_too_long_for_one_goes_to_a_provider_with_a_larger_window() -> None:
    async with running_proxy(FakeProvider([Status(400, TOO_LONG)]), FakeProvider(json_message("held"))) as proxy:
        answer = await proxy.post(stream=False)
        assert (await answer.json())["content"][0]["text"] == "held"


@async_test
async def test_relays_anthropics_own_error_byte_for_byte() -> None:
    body = b" " + error_body("invalid_request_error", "prompt is too long: 9 tokens > 5 maximum")
    async with running_proxy(FakeProvider([Status(400, body)])) as proxy:
        answer = await proxy.post()
        assert (answer.status, await answer.read()) == (400, body)


@async_test
async def test_a_plans_cooldown_lasts_until_the_end_of_the_window_that_rejects() -> None:
    plan = {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": f"{NOW + 2 * HOUR:.0f}",
        "anthropic-ratelimit-unified-5h-status": "rejected",
        "anthropic-ratelimit-unified-5h-reset": f"{NOW + 2 * HOUR:.0f}",
        "anthropic-ratelimit-unified-7d-status": "allowed_warning",
        "anthropic-ratelimit-unified-7d-reset": f"{NOW + 99 * HOUR:.0f}",
    }
    first = FakeProvider([Status(429, headers=plan)])
    async with running_proxy(first, FakeProvider(message("second")), clock=FakeClock()) as proxy:
        assert await complete_text(await proxy.post()) == "second"
        assert (await proxy.status())["minimax"]["cooldown_until"] == NOW + 2 * HOUR


@pytest.mark.parametrize(
    ("status", "outcome", "rest"), [(401, "401", 15.0), (403, "403", 15.0), (402, "no_credit", 6 * HOUR)]
)
@async_test
async def test_with_failover_on_auth_a_rejected_key_fails_over(status: int, outcome: str, rest: float) -> None:
    first, second = FakeProvider([Status(status)]), FakeProvider(message("second"))
    async with running_proxy(first, second, clock=FakeClock(), failover_on_auth=True) as proxy:
        answer = await proxy.post()
        assert answer.headers["x-claude-proxy-attempts"] == f"minimax={outcome}, moonshot=200"
        assert await complete_text(answer) == "second"
        told = (await proxy.status())["minimax"]
        assert (told["state"], told["cooldown_until"]) == ("cooldown", NOW + rest)
        assert (told["key_rejected"], told["out_of_credit"]) == (status != 402, status == 402)


@async_test
async def test_an_error_after_the_first_ping_is_sent_as_an_event() -> None:
    first = FakeProvider([Stream(), stream_error("x", "insufficient balance (1008)")])
    async with running_proxy(first, ping_after=0.0) as proxy:
        events = await (await proxy.post()).all_events()
        message = "claude-proxy: minimax could not answer: out of credit (insufficient balance (1008))."
        assert events[-1].data["error"] == {"type": "rate_limit_error", "message": message}
