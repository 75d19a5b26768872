"""Providers that behave as the real ones, the proxy in front of them as a user configures it, and a conversation."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from claude_proxy.config.load import Config, load
from claude_proxy.store.home import Home
from fakes.client import Answer
from fakes.clock import FakeClock
from fakes.proxy import RunningProxy, started_proxy
from fakes.vendors.base import SharedThinking, Vendor
from fakes.vendors.conversation import HEADERS, Conversation
from fakes.vendors.replies import ModelReply

PATH = "/v1/messages?beta=true"


def pinned_path(vendor: Vendor | type[Vendor]) -> str:
    """Return the path that pins a provider."""
    return f"/provider/{vendor.name}{PATH}"


class VendorSetup:
    """The providers, in the order of failover, and the proxy in front of them: `proxy`, after `start`."""

    proxy: RunningProxy

    def __init__(self, vendors: Sequence[Vendor], config: Config, home: Home, clock: FakeClock | None) -> None:
        self.vendors = vendors
        self._config = config
        self._home = home
        self._clock = clock
        self._running = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Start the proxy, or restart it with the state that it keeps on disk."""
        await self.stop()
        self._home.prepare()
        proxy = started_proxy(self._config, clock=self._clock, home=self._home)
        self.proxy = await self._running.enter_async_context(proxy)

    async def stop(self) -> None:
        """Stop the proxy."""
        await self._running.aclose()

    def delete_state(self) -> None:
        """Delete what the proxy keeps on disk. It must be stopped."""
        shutil.rmtree(self._home.state)

    async def send(self, conversation: Conversation, reply: ModelReply, path: str = PATH) -> Answer:
        """Send a conversation as it stands; the provider that gets it answers with `reply`."""
        for vendor in self.vendors:
            vendor.reply = lambda _: reply
        body = json.dumps(conversation.body()).encode()
        return await self.proxy.ask("POST", path, body, headers=HEADERS)

    async def send_turn(self, conversation: Conversation, reply: ModelReply, path: str = PATH) -> str:
        """Send a conversation, add the answer to it, and return the provider's name. Fails on an error."""
        answer = await self.send(conversation, reply, path)
        assert answer.status == 200, (await answer.read()).decode()
        await conversation.add_answer(answer)
        return answer.headers["x-claude-proxy-provider"]

    def rejections(self) -> list[tuple[str, object]]:
        """Return what the providers rejected, by name and with their errors."""
        return [(vendor.name, error.body) for vendor in self.vendors for error in vendor.errors]


@contextlib.asynccontextmanager
async def vendors_behind_proxy(
    folder: Path,
    *kinds: type[Vendor],
    entries: Mapping[str, Mapping[str, Any]] | None = None,
    clock: FakeClock | None = None,
    **settings: Any,
) -> AsyncIterator[VendorSetup]:
    """Start providers of these kinds, and the proxy with the catalogue's entries for them.

    `entries` replace those by name; `settings` are further keys of the configuration.
    """
    shared_thinking = SharedThinking()
    vendors = [kind(shared_thinking) for kind in kinds]
    async with contextlib.AsyncExitStack() as stack:
        for vendor in vendors:
            await stack.enter_async_context(vendor.fake)
        written = [
            {"base_url": vendor.fake.url, **(entries or {}).get(vendor.name, {"preset": vendor.name})}
            for vendor in vendors
        ]
        (folder / "config.json").write_text(json.dumps({"providers": written, **settings}), encoding="utf-8")
        keys = {f"{vendor.name.upper()}_API_KEY": vendor.key for vendor in vendors}
        setup = VendorSetup(vendors, replace(load(folder, keys), port=0), Home(folder), clock)
        stack.push_async_callback(setup.stop)
        await setup.start()
        yield setup
