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
from fakes.vendors.anthropic import Claude, seals
from fakes.vendors.base import House
from fakes.vendors.behind_proxy import Table, pinned, table
from fakes.vendors.conversation import Conversation
from fakes.vendors.deepseek import DeepSeek
from fakes.vendors.minimax import MiniMax
from fakes.vendors.moonshot import Kimi
from fakes.vendors.request_blocks import call_ids, has_billing, view
from fakes.vendors.single_quirk import Fireworks, Mimo
from fakes.vendors.turns import TURNS
from fakes.vendors.zai import Glm

HOUSES: tuple[type[House], ...] = (Claude, MiniMax, Kimi, Glm, DeepSeek)
PAIRS = list(itertools.permutations(HOUSES, 2))
UNSIGNED = [(Mimo, Claude), (Claude, Mimo), (Fireworks, Claude), (Mimo, DeepSeek), (DeepSeek, Mimo), (Mimo, Kimi)]
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


def name_of(kind: type[House]) -> str:
    return kind.name


def assert_content(houses: Iterable[House]) -> None:
    """Nobody was sent what is not for it, each got its own back, and what each was sent only ever grew at its end."""
    for house in houses:
        assert house.offences == [], house.name
        for number, body in enumerate(house.taken):
            assert call_ids(body) >= {one for one, asked in house.calls.items() if asked < number}, house.name
        for before, after in itertools.pairwise(map(view, house.taken)):
            assert after[: len(before)] == before, house.name
        if isinstance(house, Claude):
            assert_own_thoughts(house)


def assert_own_thoughts(house: Claude) -> None:
    """Anthropic sees all of its own thoughts that came before, no other's, and the billing block each time."""
    for number, body in enumerate(house.taken):
        assert has_billing(body)
        assert sorted(seals(body)) == sorted(seal for seal, asked in house.asked.items() if asked < number)


async def converse_in_turns(here: Table, *kinds: type[House]) -> None:
    """Hold the conversation, each turn of it with the next house."""
    conversation = Conversation()
    for turn, kind in zip(TURNS, itertools.cycle(kinds), strict=False):
        turn.add_to(conversation)
        assert await here.converse(conversation, turn.said, pinned(kind)) == kind.name


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=name_of)
@async_test
async def test_it_moves_between_two(first: type[House], second: type[House], tmp_path: Path) -> None:
    async with table(tmp_path, first, second) as here:
        await converse_in_turns(here, first, second)
        assert here.refusals() == []
        assert [len(house.taken) for house in here.houses] == [5, 5]
        assert_content(here.houses)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED.keys())
@async_test
async def test_it_goes_round_all_of_them(asked: Mapping[str, Any], tmp_path: Path) -> None:
    async with table(tmp_path, *HOUSES) as here:
        conversation = Conversation(**asked)
        for turn, kind in zip(TURNS * 2, itertools.cycle(HOUSES), strict=False):
            turn.add_to(conversation)
            await here.converse(conversation, turn.said, pinned(kind))
        assert here.refusals() == []
        assert_content(here.houses)


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=name_of)
@async_test
async def test_it_moves_because_of_limits(first: type[House], second: type[House], tmp_path: Path) -> None:
    clock = FakeClock()
    async with table(tmp_path, first, second, clock=clock) as here:
        conversation = Conversation()
        for turn, (answering, limited) in zip(TURNS, itertools.cycle((here.houses, here.houses[::-1])), strict=False):
            answering.outage, limited.outage = None, LIMIT
            turn.add_to(conversation)
            assert await here.converse(conversation, turn.said) == answering.name
            clock.pass_time(61)
        assert here.refusals() == []
        assert [len(house.taken) for house in here.houses] == [5, 5]
        assert_content(here.houses)


@pytest.mark.parametrize("other", HOUSES[1:], ids=name_of)
@async_test
async def test_it_moves_though_the_proxy_is_started_anew_each_time(other: type[House], tmp_path: Path) -> None:
    async with table(tmp_path, Claude, other) as here:
        conversation = Conversation()
        for turn, house in zip(TURNS, itertools.cycle(here.houses), strict=False):
            turn.add_to(conversation)
            await here.converse(conversation, turn.said, pinned(house))
            await here.start()
        assert here.refusals() == []
        assert_content(here.houses)


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=name_of)
@async_test
async def test_it_moves_though_nothing_of_it_is_remembered(
    first: type[House], second: type[House], tmp_path: Path
) -> None:
    async with table(tmp_path, first, second) as here:
        conversation = Conversation()
        for turn, house in zip(TURNS, itertools.cycle(here.houses), strict=False):
            turn.add_to(conversation)
            await here.converse(conversation, turn.said, pinned(house))
            await here.stop()
            here.forget()
            await here.start()


@pytest.mark.parametrize(("first", "second"), UNSIGNED, ids=name_of)
@async_test
async def test_it_moves_though_thoughts_are_not_signed(first: type[House], second: type[House], tmp_path: Path) -> None:
    async with table(tmp_path, first, second) as here:
        await converse_in_turns(here, first, second)
        assert_content(here.houses)


@pytest.mark.parametrize("other", HOUSES[1:], ids=name_of)
@async_test
async def test_it_moves_where_thinking_has_a_budget(other: type[House], tmp_path: Path) -> None:
    async with table(tmp_path, other, Claude) as here:
        conversation = Conversation(**MANUAL)
        kinds: tuple[type[House], ...] = (other, Claude)
        for turn, kind in zip(TURNS, itertools.cycle(kinds), strict=False):
            turn.add_to(conversation)
            await here.converse(conversation, turn.said, pinned(kind))
