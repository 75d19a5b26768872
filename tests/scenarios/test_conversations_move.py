"""A conversation is carried from provider to provider, a switch after every turn, and none of them minds.

The providers are the catalogue's own entries; only where they are is the test's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.steps import Status
from fakes.vendors.anthropic import Anthropic, signatures
from fakes.vendors.base import Vendor
from fakes.vendors.behind_proxy import VendorSetup, pinned_path, vendors_behind_proxy
from fakes.vendors.conversation import Conversation
from fakes.vendors.deepseek import DeepSeek
from fakes.vendors.minimax import MiniMax
from fakes.vendors.moonshot import Moonshot
from fakes.vendors.request_blocks import call_ids, has_billing_block, prompt_parts
from fakes.vendors.single_quirk import Fireworks, Mimo
from fakes.vendors.turns import TURNS
from fakes.vendors.zai import Zai

VENDORS: tuple[type[Vendor], ...] = (Anthropic, MiniMax, Moonshot, Zai, DeepSeek)
PAIRS = list(itertools.permutations(VENDORS, 2))
UNSIGNED = [
    (Mimo, Anthropic),
    (Anthropic, Mimo),
    (Fireworks, Anthropic),
    (Mimo, DeepSeek),
    (DeepSeek, Mimo),
    (Mimo, Moonshot),
]
MANUAL: dict[str, Any] = {
    "model": "claude-haiku-4-5-20251001",
    "thinking": {"type": "enabled", "budget_tokens": 31_999},
    "max_tokens": 64_000,
}
ASKED: dict[str, dict[str, Any]] = {
    "as Claude Code does": {},
    "for sonnet": {"model": "claude-sonnet-5-5"},
    "for haiku": {"model": "claude-haiku-5-5"},
    "without thinking": {"thinking": {"type": "disabled"}},
    "with thinking shown": {"thinking": {"type": "adaptive"}},
    "not streamed": {"streaming": False},
}
LIMIT = [Status(429, headers={"retry-after": "60"})]


def name_of(kind: type[Vendor]) -> str:
    return kind.name


def assert_content(vendors: Iterable[Vendor]) -> None:
    """Nobody was sent what is not for it, each got its own back, and what each was sent only ever grew at its end."""
    for vendor in vendors:
        assert vendor.violations == [], vendor.name
        for number, body in enumerate(vendor.accepted):
            assert call_ids(body) >= {one for one, asked in vendor.calls.items() if asked < number}, vendor.name
        for before, after in itertools.pairwise(map(prompt_parts, vendor.accepted)):
            assert after[: len(before)] == before, vendor.name
        if isinstance(vendor, Anthropic):
            assert_own_thoughts(vendor)


def assert_own_thoughts(vendor: Anthropic) -> None:
    """Anthropic sees all of its own thoughts that came before, no other's, and the billing block each time."""
    for number, body in enumerate(vendor.accepted):
        assert has_billing_block(body)
        assert sorted(signatures(body)) == sorted(
            signature for signature, asked in vendor.request_of.items() if asked < number
        )


async def converse_in_turns(setup: VendorSetup, *kinds: type[Vendor]) -> None:
    """Hold the conversation, each turn of it with the next vendor."""
    conversation = Conversation()
    for turn, kind in zip(TURNS, itertools.cycle(kinds), strict=False):
        turn.add_to(conversation)
        assert await setup.send_turn(conversation, turn.reply, pinned_path(kind)) == kind.name


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=name_of)
@async_test
async def test_a_conversation_moves_between_two_providers(
    first: type[Vendor], second: type[Vendor], tmp_path: Path
) -> None:
    async with vendors_behind_proxy(tmp_path, first, second) as setup:
        await converse_in_turns(setup, first, second)
        assert setup.rejections() == []
        assert [len(vendor.accepted) for vendor in setup.vendors] == [5, 5]
        assert_content(setup.vendors)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED.keys())
@async_test
async def test_a_conversation_moves_through_all_providers(asked: Mapping[str, Any], tmp_path: Path) -> None:
    async with vendors_behind_proxy(tmp_path, *VENDORS) as setup:
        conversation = Conversation(**asked)
        for turn, kind in zip(TURNS * 2, itertools.cycle(VENDORS), strict=False):
            turn.add_to(conversation)
            await setup.send_turn(conversation, turn.reply, pinned_path(kind))
        assert setup.rejections() == []
        assert_content(setup.vendors)


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=name_of)
@async_test
async def test_a_conversation_moves_because_of_limits(
    first: type[Vendor], second: type[Vendor], tmp_path: Path
) -> None:
    clock = FakeClock()
    async with vendors_behind_proxy(tmp_path, first, second, clock=clock) as setup:
        conversation = Conversation()
        for turn, (answering, limited) in zip(
            TURNS, itertools.cycle((setup.vendors, setup.vendors[::-1])), strict=False
        ):
            answering.outage, limited.outage = None, LIMIT
            turn.add_to(conversation)
            assert await setup.send_turn(conversation, turn.reply) == answering.name
            clock.pass_time(61)
        assert setup.rejections() == []
        assert [len(vendor.accepted) for vendor in setup.vendors] == [5, 5]
        assert_content(setup.vendors)


@pytest.mark.parametrize("other", VENDORS[1:], ids=name_of)
@async_test
async def test_a_conversation_moves_though_the_proxy_restarts_each_time(other: type[Vendor], tmp_path: Path) -> None:
    async with vendors_behind_proxy(tmp_path, Anthropic, other) as setup:
        conversation = Conversation()
        for turn, vendor in zip(TURNS, itertools.cycle(setup.vendors), strict=False):
            turn.add_to(conversation)
            await setup.send_turn(conversation, turn.reply, pinned_path(vendor))
            await setup.start()
        assert setup.rejections() == []
        assert_content(setup.vendors)


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=name_of)
@async_test
async def test_a_conversation_moves_though_nothing_of_it_is_remembered(
    first: type[Vendor], second: type[Vendor], tmp_path: Path
) -> None:
    async with vendors_behind_proxy(tmp_path, first, second) as setup:
        conversation = Conversation()
        for turn, vendor in zip(TURNS, itertools.cycle(setup.vendors), strict=False):
            turn.add_to(conversation)
            await setup.send_turn(conversation, turn.reply, pinned_path(vendor))
            await setup.stop()
            setup.delete_state()
            await setup.start()


@pytest.mark.parametrize(("first", "second"), UNSIGNED, ids=name_of)
@async_test
async def test_a_conversation_moves_though_its_thinking_is_not_signed(
    first: type[Vendor], second: type[Vendor], tmp_path: Path
) -> None:
    async with vendors_behind_proxy(tmp_path, first, second) as setup:
        await converse_in_turns(setup, first, second)
        assert_content(setup.vendors)


@pytest.mark.parametrize("other", VENDORS[1:], ids=name_of)
@async_test
async def test_a_conversation_moves_if_its_thinking_has_a_budget(other: type[Vendor], tmp_path: Path) -> None:
    async with vendors_behind_proxy(tmp_path, other, Anthropic) as setup:
        conversation = Conversation(**MANUAL)
        kinds: tuple[type[Vendor], ...] = (other, Anthropic)
        for turn, kind in zip(TURNS, itertools.cycle(kinds), strict=False):
            turn.add_to(conversation)
            await setup.send_turn(conversation, turn.reply, pinned_path(kind))
