"""A provider that is not in the catalogue refuses one thing after the other: rules are learned, and it works."""

from __future__ import annotations

import itertools
from pathlib import Path

from fakes.async_test import async_test
from fakes.server_connection import Request
from fakes.vendors import anthropic, deepseek, zai
from fakes.vendors.base import Vendor, VendorError
from fakes.vendors.behind_proxy import VendorSetup, pinned_path, vendors_behind_proxy
from fakes.vendors.conversation import Conversation
from fakes.vendors.moonshot import Moonshot
from fakes.vendors.request_blocks import Body, located_blocks
from fakes.vendors.turns import TURNS, Turn

MODEL = "stranger-1"
RETRIES = 6
"""How often Claude Code asks again after a 400 that stays, each time without one thing more."""

ENTRY = {"name": "stranger", "api_key_env": "STRANGER_API_KEY", "models": {"default": MODEL}}


class Stranger(Vendor):
    """A provider that no catalogue has: Z.ai's validator in front of DeepSeek's reader."""

    name = "stranger"

    def unauthorized_error(self) -> VendorError:
        return deepseek.error(401, "Authentication Fails (no such user)", "authentication_error")

    def check(self, body: Body, request: Request) -> None:
        for at, message in enumerate(body["messages"]):
            if message["role"] not in ("user", "assistant"):
                raise zai.literal_error(at, message["role"])
        deepseek.check_thinking(body)
        for located in located_blocks(body):
            deepseek.check_block(located, sees=False)
        if self.is_thinking(body):
            deepseek.check_thinking_kept(body)

    def signature(self, number: int) -> str:
        return f"stranger-{number}"


async def have(setup: VendorSetup, conversation: Conversation, turn: Turn) -> int:
    """Have a turn, asking again as Claude Code does; return how many errors the client got."""
    turn.add_to(conversation)
    errors = 0
    while (answer := await setup.send(conversation, turn.reply)).status != 200:
        errors += 1
        told = (await answer.read()).decode()
        assert answer.status in (400, 422), told
        assert errors < RETRIES, told
    await conversation.add_answer(answer)
    return errors


class Relay(Vendor):
    """A gateway that nobody knows: Anthropic is behind it, and what Anthropic says of an id."""

    name = "relay"

    def unauthorized_error(self) -> VendorError:
        return anthropic.invalid_request("no key")

    def check(self, body: Body, request: Request) -> None:
        for located in located_blocks(body):
            if located.kind in ("tool_use", "tool_result"):
                anthropic.check_block(located)

    def signature(self, number: int) -> str:
        return f"relay-{number}"


@async_test
async def test_adapts_the_ids_of_another_providers_calls_before_the_client_sees_an_error(tmp_path: Path) -> None:
    entry = {"name": "relay", "api_key_env": "RELAY_API_KEY"}
    async with vendors_behind_proxy(tmp_path, Moonshot, Relay, entries={"relay": entry}) as setup:
        conversation = Conversation()
        for turn, vendor in zip(TURNS, itertools.cycle(setup.vendors), strict=False):
            turn.add_to(conversation)
            assert await setup.send_turn(conversation, turn.reply, pinned_path(vendor)) == vendor.name
        assert len(setup.rejections()) == 1


@async_test
async def test_the_first_conversation_goes_on_and_the_second_gets_no_refusal(tmp_path: Path) -> None:
    async with vendors_behind_proxy(tmp_path, Stranger, entries={"stranger": ENTRY}) as setup:
        first, second = Conversation(), Conversation()
        for turn in TURNS:
            await have(setup, first, turn)
        refused = len(setup.rejections())
        assert refused
        assert [await have(setup, second, turn) for turn in TURNS] == [0] * len(TURNS)
        assert len(setup.rejections()) == refused
