"""A limit is recognised in the words of each vendor: the next provider answers, and this one is in cooldown."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.steps import Script
from fakes.vendors import minimax, moonshot, single_quirk, zai
from fakes.vendors.base import Vendor
from fakes.vendors.behind_proxy import VendorSetup, vendors_behind_proxy
from fakes.vendors.conversation import Conversation
from fakes.vendors.minimax import MiniMax
from fakes.vendors.moonshot import Moonshot
from fakes.vendors.turns import TURNS
from fakes.vendors.zai import Zai

LIMITS = [
    pytest.param(MiniMax, minimax.plan_used_up(), id="minimax 2056 behind a 429"),
    pytest.param(MiniMax, minimax.no_balance(), id="minimax 1008 behind a 200"),
    pytest.param(MiniMax, minimax.too_fast(), id="minimax 1002 behind a 200"),
    pytest.param(MiniMax, minimax.too_fast_in_stream(), id="minimax 1002 as the first event"),
    pytest.param(Moonshot, moonshot.no_balance(), id="moonshot without balance"),
    pytest.param(Moonshot, moonshot.too_fast(), id="moonshot too fast"),
    pytest.param(Zai, zai.no_balance(), id="zai 1113"),
    pytest.param(Zai, zai.too_fast(), id="zai 1302"),
    pytest.param(Zai, zai.plan_used_up("2027-01-15 18:00:00"), id="zai 1308 as the first event"),
]
HOUR = 3600.0


async def have_a_turn(setup: VendorSetup) -> str:
    """Begin a conversation; return who answered."""
    conversation = Conversation()
    TURNS[0].add_to(conversation)
    return await setup.send_turn(conversation, TURNS[0].reply)


@pytest.mark.parametrize(("kind", "limit"), LIMITS)
@async_test
async def test_a_limit_of_any_kind_fails_over(kind: type[Vendor], limit: Script, tmp_path: Path) -> None:
    second = Zai if kind is MiniMax else MiniMax
    async with vendors_behind_proxy(tmp_path, kind, second, clock=FakeClock()) as setup:
        setup.vendors[0].outage = limit
        assert [await have_a_turn(setup) for _ in range(3)] == [second.name] * 3
        assert len(setup.vendors[0].fake.requests) == 1


@async_test
async def test_a_cooldown_lasts_until_the_reset_that_a_message_names(tmp_path: Path) -> None:
    clock = FakeClock()  # 16 o'clock in Shanghai
    async with vendors_behind_proxy(tmp_path, Zai, MiniMax, clock=clock, failback="immediate") as setup:
        setup.vendors[0].outage = zai.plan_used_up("2027-01-15 18:00:00")
        assert await have_a_turn(setup) == "minimax"
        setup.vendors[0].outage = None
        clock.pass_time(2 * HOUR - 60)
        assert await have_a_turn(setup) == "minimax"
        clock.pass_time(120)
        assert await have_a_turn(setup) == "zai"


@async_test
async def test_an_empty_account_has_a_longer_cooldown_than_a_rate_limit(tmp_path: Path) -> None:
    clock = FakeClock()
    async with vendors_behind_proxy(
        tmp_path, Moonshot, MiniMax, clock=clock, failback="immediate", cooldown_minutes=10
    ) as setup:
        setup.vendors[0].outage = moonshot.no_balance()
        assert await have_a_turn(setup) == "minimax"
        setup.vendors[0].outage = None
        clock.pass_time(11 * 60)
        assert await have_a_turn(setup) == "minimax"


@async_test
async def test_relays_the_402_of_an_account_without_credit(tmp_path: Path) -> None:
    entry = {"preset": "openrouter", "models": {"default": "~z-ai/glm-latest"}}
    async with vendors_behind_proxy(tmp_path, single_quirk.OpenRouter, MiniMax, entries={"openrouter": entry}) as setup:
        setup.vendors[0].outage = single_quirk.out_of_credits()
        conversation = Conversation()
        TURNS[0].add_to(conversation)
        answer = await setup.send(conversation, TURNS[0].reply)
        assert answer.status == 402
        assert "requires more credits" in (await answer.json())["error"]["message"]
