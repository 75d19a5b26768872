"""The configuration as the specification prints it, and the proxy that it makes in front of fake providers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from claude_proxy.config.load import load
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, started_proxy

PORT = 8787
COOLDOWN = 30 * 60.0
MAX_BODY_BYTES = 10 * 1024 * 1024
PROVIDERS = [
    ("minimax", "https://api.minimax.io/anthropic", "MINIMAX_API_KEY"),
    ("moonshot", "https://api.moonshot.ai/anthropic", "MOONSHOT_API_KEY"),
]
CONFIG = """\
{
  "proxy_port": 8787,
  "providers": [
    {
      "name": "minimax",
      "base_url": "https://api.minimax.io/anthropic",
      "api_key_env": "MINIMAX_API_KEY"
    },
    {
      "name": "moonshot",
      "base_url": "https://api.moonshot.ai/anthropic",
      "api_key_env": "MOONSHOT_API_KEY"
    }
  ],
  "cooldown_minutes": 30
}
"""
ENV = """\
MOONSHOT_API_KEY=sk-...
MINIMAX_API_KEY=sk-...
"""
NEW_PROVIDER_CONFIG = """\
{
  "providers": [
    {
      "name": "new-provider",
      "base_url": "https://api.newprovider.com/anthropic",
      "api_key_env": "NEWPROVIDER_API_KEY"
    }
  ]
}
"""
NEW_PROVIDER_ENV = """\
NEWPROVIDER_API_KEY=sk-...
"""
HOSTS = ("https://api.minimax.io", "https://api.moonshot.ai")


@contextlib.asynccontextmanager
async def proxy_for(
    folder: Path, *providers: FakeProvider, clock: FakeClock | None = None, config: str = CONFIG, env: str = ENV
) -> AsyncIterator[RunningProxy]:
    """Start the proxy with a config.json and a .env, the fakes in place of MiniMax and Moonshot, on a free port.

    The key of MOONSHOT_API_KEY is `sk-moonshot`, that of MINIMAX_API_KEY is `sk-minimax`, and so on.
    """
    async with contextlib.AsyncExitStack() as stack:
        for host, fake in zip(HOSTS, providers, strict=False):
            await stack.enter_async_context(fake)
            config = config.replace(host, fake.url)
        names = [line.partition("=")[0] for line in env.splitlines()]
        keys = [f"{name}=sk-{name.removesuffix('_API_KEY').lower()}\n" for name in names]
        (folder / "config.json").write_text(config, encoding="utf-8")
        (folder / ".env").write_text("".join(keys), encoding="utf-8")
        loaded = load(folder, {})
        async with started_proxy(replace(loaded, port=0), clock=clock) as proxy:
            yield proxy
            await proxy.hang_up()
            for fake in providers:
                await fake.wait_until_idle()
