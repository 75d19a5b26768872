"""A provider that nobody knows refuses one thing after the other: it is learned, and the conversation goes on."""

from __future__ import annotations

import itertools
from pathlib import Path

from fakes.async_test import async_test
from fakes.server_connection import Request
from fakes.vendors import anthropic, deepseek, zai
from fakes.vendors.base import House, Refused
from fakes.vendors.behind_proxy import Table, pinned, table
from fakes.vendors.conversation import Conversation
from fakes.vendors.moonshot import Kimi
from fakes.vendors.request_blocks import Body, places
from fakes.vendors.turns import TURNS, Turn

MODEL = "stranger-1"
RETRIES = 6
"""How often Claude Code asks again after a 400 that stays, each time without one thing more."""

ENTRY = {"name": "stranger", "api_key_env": "STRANGER_API_KEY", "models": {"default": MODEL}}


class Stranger(House):
    """A provider that no catalogue has: Z.ai's validator in front of DeepSeek's reader."""

    name = "stranger"

    def unauthorized(self) -> Refused:
        return deepseek.refused(401, "Authentication Fails (no such user)", "authentication_error")

    def check(self, body: Body, request: Request) -> None:
        for at, message in enumerate(body["messages"]):
            if message["role"] not in ("user", "assistant"):
                raise zai.literal_error(at, message["role"])
        deepseek.check_thinking(body)
        for place in places(body):
            deepseek.check_block(place, sees=False)
        if self.is_thinking(body):
            deepseek.check_thoughts(body)

    def signature(self, number: int) -> str:
        return f"stranger-{number}"


async def have(here: Table, conversation: Conversation, turn: Turn) -> int:
    """Have a turn, asking again as Claude Code does; return how many errors the client got."""
    turn.add_to(conversation)
    errors = 0
    while (answer := await here.send(conversation, turn.said)).status != 200:
        errors += 1
        told = (await answer.read()).decode()
        assert answer.status in (400, 422), told
        assert errors < RETRIES, told
    await conversation.hear(answer)
    return errors


class Relay(House):
    """A gateway that nobody knows: Claude is behind it, and what Anthropic says of an id."""

    name = "relay"

    def unauthorized(self) -> Refused:
        return anthropic.bad("no key")

    def check(self, body: Body, request: Request) -> None:
        for place in places(body):
            if place.kind in ("tool_use", "tool_result"):
                anthropic.check_block(place)

    def signature(self, number: int) -> str:
        return f"relay-{number}"


@async_test
async def test_ids_of_another_providers_calls_are_mended_before_the_client_sees_an_error(tmp_path: Path) -> None:
    entry = {"name": "relay", "api_key_env": "RELAY_API_KEY"}
    async with table(tmp_path, Kimi, Relay, entries={"relay": entry}) as here:
        conversation = Conversation()
        for turn, house in zip(TURNS, itertools.cycle(here.houses), strict=False):
            turn.add_to(conversation)
            assert await here.converse(conversation, turn.said, pinned(house)) == house.name
        assert len(here.refusals()) == 1


@async_test
async def test_the_first_conversation_goes_on_and_the_second_meets_no_error(tmp_path: Path) -> None:
    async with table(tmp_path, Stranger, entries={"stranger": ENTRY}) as here:
        first, second = Conversation(), Conversation()
        for turn in TURNS:
            await have(here, first, turn)
        refused = len(here.refusals())
        assert refused
        assert [await have(here, second, turn) for turn in TURNS] == [0] * len(TURNS)
        assert len(here.refusals()) == refused
