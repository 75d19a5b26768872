"""Providers with their quirks around a proxy that is configured as a user would do it, and a conversation with them."""

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
from fakes.vendors.base import House, World
from fakes.vendors.conversation import HEADERS, Conversation
from fakes.vendors.replies import Said

PATH = "/v1/messages?beta=true"


def pinned(house: House | type[House]) -> str:
    """Return the path that names a provider."""
    return f"/provider/{house.name}{PATH}"


class Table:
    """The providers, in the order of failover, and the proxy in front of them: `proxy`, once it was started."""

    proxy: RunningProxy

    def __init__(self, houses: Sequence[House], config: Config, home: Home, clock: FakeClock | None) -> None:
        self.houses = houses
        self._config = config
        self._home = home
        self._clock = clock
        self._running = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Start the proxy; one that runs already is stopped first, and leaves what it keeps on disk to the new one."""
        await self.stop()
        self._home.prepare()
        proxy = started_proxy(self._config, clock=self._clock, home=self._home)
        self.proxy = await self._running.enter_async_context(proxy)

    async def stop(self) -> None:
        """Stop the proxy."""
        await self._running.aclose()

    def forget(self) -> None:
        """Take away what the proxy keeps on disk; it does not run meanwhile."""
        shutil.rmtree(self._home.state)

    async def send(self, conversation: Conversation, said: Said, path: str = PATH) -> Answer:
        """Send a conversation as it stands; whoever is asked says this."""
        for house in self.houses:
            house.says = lambda _: said
        body = json.dumps(conversation.body()).encode()
        return await self.proxy.ask("POST", path, body, headers=HEADERS)

    async def converse(self, conversation: Conversation, said: Said, path: str = PATH) -> str:
        """Send a conversation, add the answer to it, and return who gave it. Fails the test where there is none."""
        answer = await self.send(conversation, said, path)
        told = b"" if answer.status == 200 else await answer.read()
        assert answer.status == 200, told.decode()
        await conversation.hear(answer)
        return answer.headers["x-claude-proxy-provider"]

    def refusals(self) -> list[tuple[str, object]]:
        """Return what the providers refused, by name and with their words."""
        return [(house.name, refused.body) for house in self.houses for refused in house.refused]


@contextlib.asynccontextmanager
async def table(
    folder: Path,
    *kinds: type[House],
    entries: Mapping[str, Mapping[str, Any]] | None = None,
    clock: FakeClock | None = None,
    **settings: Any,
) -> AsyncIterator[Table]:
    """Start providers of these kinds, and the proxy with the catalogue's entries for them.

    `entries` are written in place of those, by name; `settings` beside them.
    """
    world = World()
    houses = [kind(world) for kind in kinds]
    async with contextlib.AsyncExitStack() as stack:
        for house in houses:
            await stack.enter_async_context(house.fake)
        written = [
            {"base_url": house.fake.url, **(entries or {}).get(house.name, {"preset": house.name})} for house in houses
        ]
        (folder / "config.json").write_text(json.dumps({"providers": written, **settings}), encoding="utf-8")
        keys = {f"{house.name.upper()}_API_KEY": house.key for house in houses}
        here = Table(houses, replace(load(folder, keys), port=0), Home(folder), clock)
        stack.push_async_callback(here.stop)
        await here.start()
        yield here
