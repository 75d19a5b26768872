"""When providers are asked for their quota, and what is made of their answers: on real sockets, with a fake clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from claude_proxy.core.auth import Auth
from claude_proxy.core.health import State
from claude_proxy.core.hops import HEADER, Hops
from claude_proxy.core.quota.quota_report import Balance, QuotaReport
from claude_proxy.core.quota.sources import SOURCES
from claude_proxy.core.types import Provider
from claude_proxy.proxy.in_flight import Progress, RequestsInFlight
from claude_proxy.proxy.quota_watch import EVERY, IN_USE_FOR, MAX_PAUSE, QuotaWatch
from core.builders import account
from fakes import quota_answers
from fakes.async_test import async_test
from fakes.clock import NOON, FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import MemoryLedger, make_provider
from fakes.quota_answers import Answer, with_endpoints
from fakes.steps import Body, Cut, Head, Script, Stall, Status, Wait
from fakes.watched_quota import watched

ZAI = "/api/monitor/usage/quota/limit"
PATHS = {source.name: (source.base_path, [path for paths in source.requests for path in paths]) for source in SOURCES}


def at(fake: FakeProvider, source: str = "zai", name: str = "", **changes: Any) -> Provider:
    """Return a provider at a fake one, with the base URL that its kind has."""
    return make_provider(name or source, fake.url + PATHS[source][0], **{"quota": source, **changes})


def telling(answer: Callable[[], Answer], path: str = ZAI) -> FakeProvider:
    return FakeProvider(with_endpoints({path: answer}))


def zai_of(used: int) -> Callable[[], Answer]:
    return lambda: quota_answers.zai(NOON, used)


def zai_script(used: int) -> Script:
    return [Status(200, json.dumps(quota_answers.zai(NOON, used)).encode())]


@async_test
async def test_a_provider_is_asked_at_its_own_address_with_its_own_key() -> None:
    async with telling(zai_of(42)) as fake, watched(at(fake, auth=Auth.X_API_KEY)) as proxy:
        proxy.use()
        await proxy.look()
    (request,) = fake.requests
    assert (request.method, request.target, request.body) == ("GET", ZAI, b"")
    assert request.header("authorization") == "Bearer key-of-zai"
    assert request.header("x-api-key") is None
    assert request.header("host") == fake.url.removeprefix("http://")
    assert request.header(HEADER.decode()) == "this-proxy/zai"
    assert [(window.name, window.used) for window in proxy.report().windows] == [
        ("tools a month", 1.0),
        ("5 h", 0.42),
        ("week", 0.07),
    ]


ANSWERS: list[tuple[str, dict[str, Answer], str]] = [
    ("minimax", {"/v1/token_plan/remains": quota_answers.minimax(NOON, 25)}, "5 h 75"),
    (
        "minimax",
        {"/v1/api/openplatform/coding_plan/remains": quota_answers.minimax(NOON, 25)},
        "5 h 75",
    ),
    ("kimi-code", {"/coding/v1/usages": quota_answers.kimi(NOON, week=88)}, "week 88"),
    ("deepseek", {"/user/balance": quota_answers.deepseek()}, "110.0 CNY"),
    ("moonshot", {"/v1/users/me/balance": quota_answers.moonshot(9.0)}, "9.0 USD"),
    ("moonshot-cn", {"/v1/users/me/balance": quota_answers.moonshot(9.0)}, "9.0 CNY"),
    (
        "openrouter",
        {"/api/v1/key": quota_answers.openrouter_key(), "/api/v1/credits": quota_answers.openrouter_credits()},
        "key 75 74.75 USD",
    ),
    ("openrouter", {"/api/v1/key": quota_answers.openrouter_key(), "/api/v1/credits": Status(403)}, "key 75"),
    ("openrouter", {"/api/v1/credits": quota_answers.openrouter_credits()}, "74.75 USD"),
    ("novita", {"/openapi/v1/billing/balance/detail": quota_answers.novita()}, "100.0 USD"),
]


@pytest.mark.parametrize(("source", "endpoints", "told"), ANSWERS)
@async_test
async def test_each_kind_of_provider_is_asked_in_its_own_way(
    source: str, endpoints: dict[str, Answer], told: str
) -> None:
    fake = FakeProvider(with_endpoints({path: partial(endpoints.__getitem__, path) for path in endpoints}))
    async with fake, watched(at(fake, source)) as proxy:
        proxy.use()
        await proxy.look()
    report = proxy.report(source)
    window, balance = report.fullest, report.balance
    shown = [f"{window.name} {window.used * 100:.0f}"] if window else []
    assert " ".join([*shown, *([f"{balance.amount} {balance.currency}"] if balance else [])]) == told
    assert report.unknown == ""


@async_test
async def test_behind_a_relay_the_path_of_the_relay_is_kept() -> None:
    async with telling(zai_of(42), f"/companies/zai{ZAI}") as fake:
        relay = make_provider("zai", f"{fake.url}/companies/zai/api/anthropic", quota="zai")
        async with watched(relay) as proxy:
            proxy.use()
            await proxy.look()
            assert proxy.report().windows


@async_test
async def test_nothing_is_asked_before_the_first_request_nor_once_the_proxy_is_idle() -> None:
    async with telling(zai_of(42)) as fake, watched(at(fake)) as proxy:
        await proxy.look()
        assert fake.requests == []
        assert proxy.report() == QuotaReport(unknown="not asked yet")
        await proxy.look_after(0)
        proxy.clock.pass_time(IN_USE_FOR + 1)
        await proxy.look()
        assert len(fake.requests) == 1


@async_test
async def test_a_request_that_goes_on_keeps_the_proxy_in_use() -> None:
    async with telling(zai_of(42)) as fake, watched(at(fake)) as proxy:
        proxy.in_flight.begin(Progress(account))
        await proxy.look()
        proxy.clock.pass_time(EVERY + IN_USE_FOR)
        await proxy.look()
        assert len(fake.requests) == 2


@async_test
async def test_an_account_is_asked_every_five_minutes_at_most_also_under_two_names() -> None:
    async with telling(zai_of(42)) as fake, watched(at(fake), at(fake, name="twin", api_key="key-of-zai")) as proxy:
        for _ in range(int(EVERY)):
            await proxy.look_after(1)
        assert len(fake.requests) == 1
        await proxy.look_after(1)
        assert len(fake.requests) == 2
        assert proxy.report("twin") == proxy.report("zai")


@async_test
async def test_a_changed_configuration_asks_nobody_sooner() -> None:
    async with telling(zai_of(42)) as fake, watched(at(fake)) as proxy:
        await proxy.look_after(0)
        proxy.watch.follow([], {}, proxy.transport)
        proxy.watch.follow([at(fake)], proxy.healths, proxy.transport)
        await proxy.look_after(EVERY - 1)
        assert len(fake.requests) == 1


@async_test
async def test_one_provider_is_asked_at_a_time() -> None:
    gate = asyncio.Event()
    slow, quick = FakeProvider([Wait(gate), Status(503)]), telling(zai_of(3))
    async with slow, quick, watched(at(slow), at(quick, name="other")) as proxy:
        proxy.use()
        asking = proxy.watch.look()
        assert asking
        await slow.wait_for_requests()
        assert proxy.watch.look() is None
        gate.set()
        await asking
        await proxy.look()
        assert (len(slow.requests), len(quick.requests)) == (1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"quota": "off"},
        {"quota": ""},
        {"auth": Auth.CLIENT},
        {"auth": Auth.NONE},
        {"api_key": ""},
        {"quota": "anthropic"},
    ],
)
@async_test
async def test_who_is_not_to_be_asked_is_not(changes: dict[str, Any]) -> None:
    async with telling(zai_of(42)) as fake, watched(at(fake, **changes)) as proxy:
        await proxy.look_after(0)
        await proxy.look_after(EVERY)
        assert fake.requests == []


@async_test
async def test_a_key_that_belongs_to_no_plan_and_an_unusual_address_are_not_asked() -> None:
    async with telling(zai_of(42)) as fake:
        pay_as_you_go = at(fake, "minimax", api_key="sk-api-1234")
        elsewhere = make_provider("zai", f"{fake.url}/v4", quota="zai")
        async with watched(pay_as_you_go, elsewhere) as proxy:
            await proxy.look_after(0)
            await proxy.look_after(1)
            assert proxy.report("minimax").unknown == "its key belongs to no plan"
            assert proxy.report("zai").unknown == "its address is not the usual one"
            assert fake.requests == []


FAILURES: list[tuple[Script, str]] = [
    ([Status(401)], "it refused the key"),
    ([Status(403)], "it refused the key"),
    ([Status(404)], "it does not offer that"),
    ([Status(503)], "it answered 503"),
    ([Status(302, b"", {"location": "http://127.0.0.1:1/"})], "it answered 302"),
    ([Status(200, b"<html>")], "its answer is not understood"),
    ([Status(200, b'{"code": 401, "msg": "key-of-zai"}')], "it answered 401"),
    ([Status(200, b'{"code": 200, "data": {}}')], "its answer names no limit"),
    ([Status(200, b'{"a": "' + b"x" * 300_000 + b'"}')], "its answer is too large"),
    ([Head(200), Body(b"{"), Cut()], "it is out of reach (reset)"),
    ([Cut()], "it is out of reach (reset)"),
]


@pytest.mark.parametrize(("script", "reason"), FAILURES)
@async_test
async def test_a_failure_is_silent_but_reported(script: Script, reason: str) -> None:
    async with FakeProvider(script) as fake, watched(at(fake)) as proxy:
        await proxy.look_after(0)
        assert (proxy.report().unknown, proxy.report().windows) == (reason, ())
        assert proxy.journal.notes == []
        assert proxy.healths["zai"].state(NOON) is State.READY


@async_test
async def test_a_provider_that_is_not_there_is_out_of_reach() -> None:
    async with FakeProvider([Cut()]) as fake:
        gone = at(fake)
    async with watched(gone) as proxy:
        await proxy.look_after(0)
        assert proxy.report().unknown == "it is out of reach (refused)"


@async_test
async def test_after_failures_it_is_asked_less_and_less_often() -> None:
    async with FakeProvider([Status(503)]) as fake, watched(at(fake)) as proxy:
        await proxy.look_after(0)
        for count, seconds in enumerate([EVERY, 2 * EVERY, 4 * EVERY], 1):
            await proxy.look_after(seconds - 1)
            assert len(fake.requests) == count
            await proxy.look_after(1)
            assert len(fake.requests) == count + 1
        for _ in range(12):
            await proxy.look_after(MAX_PAUSE)
        assert len(fake.requests) == 16


@pytest.mark.parametrize(("named", "pause"), [("2895", 2895), ("90000", 90_000), ("1", EVERY), ("-9", EVERY)])
@async_test
async def test_the_time_that_a_provider_names_is_waited_for(named: str, pause: float) -> None:
    async with FakeProvider([Status(429, headers={"retry-after": named})]) as fake, watched(at(fake)) as proxy:
        await proxy.look_after(0)
        await proxy.look_after(pause - 1)
        assert len(fake.requests) == 1
        await proxy.look_after(1)
        assert len(fake.requests) == 2


@async_test
async def test_each_key_goes_to_its_own_provider_alone() -> None:
    first, second = telling(zai_of(1)), telling(zai_of(2))
    async with first, second, watched(at(first, name="first"), at(second, name="second")) as proxy:
        await proxy.look_after(0)
        await proxy.look_after(1)
    for fake, own, other in ((first, "key-of-first", "key-of-second"), (second, "key-of-second", "key-of-first")):
        (request,) = fake.requests
        assert own.encode() in request.head
        assert other.encode() not in request.head


@async_test
async def test_a_redirect_is_not_followed() -> None:
    elsewhere = telling(zai_of(1))
    async with elsewhere:
        away = [Status(307, b"", {"location": elsewhere.url + ZAI})]
        async with FakeProvider(away) as fake, watched(at(fake)) as proxy:
            await proxy.look_after(0)
            assert proxy.report().unknown == "it answered 307"
    assert elsewhere.requests == []


@async_test
async def test_a_plan_that_is_used_up_is_noted_and_so_is_its_return() -> None:
    used = [100]
    async with telling(lambda: quota_answers.zai(NOON, used[0], remaining=0)) as fake, watched(at(fake)) as proxy:
        await proxy.look_after(0)
        assert proxy.healths["zai"].state(NOON) is State.COOLDOWN
        used[0] = 5
        await proxy.look_after(EVERY)
        assert proxy.healths["zai"].state(proxy.clock.now) is State.READY
    assert proxy.journal.notes == [
        "warning: zai: its plan is used up (5 h): cooldown until the reset in 1 h 0 min",
        "warning: zai: 100 % of its quota is used (tools a month)",
        "zai: its plan is free again, the cooldown ends",
    ]


@async_test
async def test_a_provider_that_is_turned_off_while_it_is_asked_is_forgotten() -> None:
    gate = asyncio.Event()
    async with FakeProvider([Wait(gate), *zai_script(100)]) as fake, watched(at(fake)) as proxy:
        proxy.use()
        asking = proxy.watch.look()
        assert asking
        await fake.wait_for_requests()
        proxy.watch.follow([at(fake, quota="off")], proxy.healths, proxy.transport)
        gate.set()
        await asking
        assert proxy.report() == QuotaReport(unknown="turned off")
        assert proxy.healths["zai"].state(NOON) is State.READY


@async_test
async def test_stopping_ends_the_question_that_is_being_asked() -> None:
    async with FakeProvider([Head(200), Body(b"{"), Stall()]) as fake, watched(at(fake)) as proxy:
        proxy.use()
        proxy.watch.look()
        await fake.wait_for_requests()
        await proxy.watch.aclose()
        proxy.use()
        assert proxy.watch.look() is None


@async_test
async def test_a_low_balance_is_noted() -> None:
    spent = telling(lambda: quota_answers.deepseek("0.40", "USD"), "/user/balance")
    async with spent as fake, watched(at(fake, "deepseek")) as proxy:
        await proxy.look_after(0)
    assert proxy.report("deepseek").balance == Balance(0.4, "USD", is_low=True)
    assert proxy.journal.notes == ["warning: deepseek: its balance is low: 0.40 USD. Top up its account"]


def test_an_unknown_provider_has_no_report() -> None:
    watch = QuotaWatch(FakeClock(), MemoryLedger(), Hops(), RequestsInFlight())
    assert watch.report("nobody") is None
    watch.look()
