"""Which upstream signed the thinking is known as soon as the client has the answer, however it ended."""

from __future__ import annotations

import asyncio
import json

from claude_proxy.core.bounded import Shares
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, running_proxy
from fakes.scripts import MESSAGE_STOP, block_delta, block_start, block_stop, message_delta, message_start
from fakes.scripts import thinking_then_text as thought_through
from fakes.steps import Cut, Script, Status, Stream, Text, Wait
from fakes.stream_checks import complete_text

THINKING = block_start({"type": "thinking", "thinking": "", "signature": ""})
SIGNED = "c2lnbmVk"


def signed(*pieces: str) -> Script:
    deltas = [block_delta("signature_delta", "signature", piece) for piece in pieces]
    return [Stream(), message_start(), THINKING, *deltas, block_stop()]


def owner_of(proxy: RunningProxy, signature: str) -> str | None:
    """Return the name of the provider at the upstream that made a signature."""
    upstream = proxy.proxy._gateway.memory.signature_owners.owner(signature, 0.0)
    return upstream and ", ".join(proxy.proxy.upstream_names().names(upstream))


@async_test
async def test_records_the_signature_of_a_stream() -> None:
    async with running_proxy(FakeProvider([Status(429)]), FakeProvider(thought_through("hm", "hello"))) as proxy:
        assert await complete_text(await proxy.post()) == "hello"
        assert owner_of(proxy, SIGNED) == "moonshot"


@async_test
async def test_records_a_signature_in_pieces_if_the_first_one_opens_the_stream() -> None:
    script = [*signed("a", "b"), Text("hello", index=1), message_delta("tool_use"), MESSAGE_STOP]
    async with running_proxy(FakeProvider(script)) as proxy:
        await complete_text(await proxy.post())
        assert [owner_of(proxy, one) for one in ("ab", "b", "a")] == ["minimax", "minimax", None]


@async_test
async def test_records_a_signature_before_the_client_has_the_last_event() -> None:
    """The provider may take its time to end the body: the client's next request does not wait for that."""
    never = asyncio.Event()
    script = [*signed("s"), Text("hello", index=1), message_delta("tool_use"), MESSAGE_STOP, Wait(never)]
    async with running_proxy(FakeProvider(script)) as proxy:
        events = (await proxy.post()).events()
        while (await anext(events)).name != "message_stop":
            pass
        assert owner_of(proxy, "s") == "minimax"


@async_test
async def test_records_the_signature_of_a_stream_that_is_cut_off() -> None:
    async with running_proxy(FakeProvider([*signed("s"), Cut()])) as proxy:
        await (await proxy.post()).read()
        await proxy.ledger.wait_for_accounts(1)
        assert owner_of(proxy, "s") == "minimax"


@async_test
async def test_records_the_signature_of_an_answer_that_is_not_streamed() -> None:
    content = [{"type": "thinking", "thinking": "hm", "signature": "whole"}, {"type": "text", "text": "hello"}]
    body = json.dumps({"type": "message", "content": content}).encode()
    async with running_proxy(FakeProvider([Status(200, body)])) as proxy:
        assert (await proxy.post(stream=False)).status == 200
        assert owner_of(proxy, "whole") == "minimax"


@async_test
async def test_a_provider_takes_no_signatures_from_another_by_repeating_them_and_by_making_many() -> None:
    blocks = [
        (
            block_start({"type": "thinking", "thinking": "", "signature": ""}, number),
            block_delta("signature_delta", "signature", f"s{number}", number),
            block_stop(number),
        )
        for number in range(200)
    ]
    flood: Script = [Stream(), message_start(), *(event for block in blocks for event in block), MESSAGE_STOP]
    echo: Script = [*signed(SIGNED), Text("hello", index=1), message_delta(), MESSAGE_STOP]
    first, second = FakeProvider(thought_through("hm", "hello")), FakeProvider(echo, flood)
    async with running_proxy(first, second) as proxy:
        owners = proxy.proxy._gateway.memory.signature_owners
        owners._last_uses = Shares(each=50, total=100)
        await complete_text(await proxy.post())
        for _ in range(3):
            await (await proxy.post("/provider/moonshot/v1/messages")).read()
        assert len(owners) == 51
        assert (owner_of(proxy, SIGNED), owner_of(proxy, "s199")) == ("minimax", "moonshot")
        thought = {"type": "thinking", "thinking": "hm", "signature": SIGNED}
        said = {"role": "assistant", "content": [thought, {"type": "text", "text": "hello"}]}
        asked = {"role": "user", "content": "go on"}
        await complete_text(await proxy.post(messages=[asked, said, asked]))
    assert SIGNED in json.dumps(first.requests[-1].json())
