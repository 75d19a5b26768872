"""The real proxy in this process, on a free port, in front of fake providers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from claude_proxy.app import Proxy
from claude_proxy.config.load import Config
from claude_proxy.core.auth import Auth, KeySource
from claude_proxy.core.egress import Egress
from claude_proxy.core.routing import Routes
from claude_proxy.core.text import PROGRAM
from claude_proxy.core.types import Account, Origin, Policy, Provider, Timeouts
from claude_proxy.core.upstream_names import UpstreamNames
from claude_proxy.proxy.ports import Level
from claude_proxy.store.home import Home
from fakes.client import Answer, Connection
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.server import PATIENCE

TOKEN = "token-of-this-installation"
NAMES = ("minimax", "moonshot", "zai", "deepseek")
MODEL = "claude-opus-5-5"
PROMPT = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "say hi"}],
}
_NO_ROUTES = Routes()
GENEROUS = Timeouts(connect=5.0, first_event=10.0, first_content=10.0, stall=10.0)
"""Timeouts that only a broken test reaches; a test of a timeout sets its own."""


@dataclass(slots=True)
class MemoryLedger:
    """Keeps in memory what the proxy records and notes."""

    accounts: list[Account] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def record(self, account: Account) -> None:
        self.accounts.append(account)
        self._changed.set()

    def note(self, text: str, level: Level = "info") -> None:
        self.notes.append(f"{level}: {text}" if level != "info" else text)
        self._changed.set()

    async def note_with(self, words: str) -> str:
        """Wait for a note that contains these words, and return it."""
        async with asyncio.timeout(PATIENCE):
            while not (matching := [note for note in self.notes if words in note]):
                self._changed.clear()
                await self._changed.wait()
        return matching[0]

    async def wait_for_accounts(self, count: int) -> list[Account]:
        """Wait until there are this many accounts, and return them."""
        async with asyncio.timeout(PATIENCE):
            while len(self.accounts) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.accounts


class RunningProxy:
    """A proxy that listens, and ways to send it requests. Its connections are closed with it."""

    def __init__(self, proxy: Proxy, ledger: MemoryLedger, connections: contextlib.AsyncExitStack) -> None:
        self.proxy = proxy
        self.ledger = ledger
        self._connections = connections

    @property
    def port(self) -> int:
        return self.proxy.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def connect(self, receive_buffer: int | None = None) -> Connection:
        connection = await Connection.open(self.port, receive_buffer=receive_buffer)
        return await self._connections.enter_async_context(connection)

    async def hang_up(self) -> None:
        """Close all connections."""
        await self._connections.aclose()

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        connection: Connection | None = None,
    ) -> Answer:
        """Send a request with the token, on a new connection unless one is given; "" leaves a header out."""
        fields = {
            "Host": f"127.0.0.1:{self.port}",
            "Authorization": f"Bearer {TOKEN}",
            **({"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}),
            **(headers or {}),
        }
        sent = [(name, value) for name, value in fields.items() if value]
        return await (connection or await self.connect()).ask(method, target, sent, body)

    async def post(
        self,
        target: str = "/v1/messages",
        *,
        headers: Mapping[str, str] | None = None,
        connection: Connection | None = None,
        **changes: Any,
    ) -> Answer:
        """Send a prompt that streams, with `changes` to its fields."""
        body = json.dumps({**PROMPT, "stream": True, **changes}).encode()
        return await self.ask("POST", target, body, headers=headers, connection=connection)

    async def status(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the status of each provider, by name."""
        answer = await self.ask("GET", "/admin/status")
        report = await answer.json()
        return {provider["name"]: provider for provider in report["providers"]}


@dataclass(frozen=True, slots=True)
class ConfiguredProvider:
    """A provider of the proxy: a fake one or any base URL, with changes to what `make_provider` returns."""

    at: FakeProvider | str
    changes: Mapping[str, Any]

    def provider(self, name: str) -> Provider:
        return make_provider(name, self.at if isinstance(self.at, str) else self.at.url, **self.changes)


def configured(at: FakeProvider | str, **changes: Any) -> ConfiguredProvider:
    return ConfiguredProvider(at, changes)


def with_timeouts(at: FakeProvider, **seconds: float) -> ConfiguredProvider:
    """Return a provider with short times: `connect`, `first_event`, `first_content`, `stall`."""
    return ConfiguredProvider(at, {"timeouts": replace(GENEROUS, **seconds)})


def make_provider(name: str, url: str, **changes: Any) -> Provider:
    """Return a provider as the configuration would make it, for a base URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    provider = Provider(
        name=name,
        base_url=url,
        origin=Origin(parts.scheme, parts.hostname, port),
        auth=Auth.BEARER,
        api_key=f"key-of-{name}",
        api_key_env=f"{name.upper()}_API_KEY",
        api_key_source=KeySource.FILE,
        timeouts=GENEROUS,
    )
    return replace(provider, **changes)


def make_config(providers: Sequence[Provider], policy: Policy, routes: Routes = _NO_ROUTES) -> Config:
    return Config(
        host="127.0.0.1",
        port=0,
        providers=tuple(providers),
        skipped=(),
        policy=policy,
        egress=Egress(),
        log_level="info",
        warnings=(),
        routes=routes,
        upstream_names=UpstreamNames.of(*providers),
    )


@contextlib.asynccontextmanager
async def running_proxy(
    *providers: FakeProvider | ConfiguredProvider,
    clock: FakeClock | None = None,
    routes: Routes = _NO_ROUTES,
    program: str = PROGRAM,
    **policy: Any,
) -> AsyncIterator[RunningProxy]:
    """Start fake providers, named as in NAMES, and the proxy in front of them; `policy` changes its fields.

    At the end the clients leave. The proxy must then close its connections to the fakes by itself; it is stopped, and
    must leave no connection and no task behind.
    """
    entries = [given if isinstance(given, ConfiguredProvider) else configured(given) for given in providers]
    fakes = [entry.at for entry in entries if isinstance(entry.at, FakeProvider)]
    async with contextlib.AsyncExitStack() as stack:
        for fake in fakes:
            await stack.enter_async_context(fake)
        before = asyncio.all_tasks()
        named = [entry.provider(name) for name, entry in zip(NAMES, entries, strict=False)]
        config = make_config(named, Policy(**policy), routes)
        async with started_proxy(config, clock=clock, program=program) as proxy:
            yield proxy
            await proxy.hang_up()
            for fake in fakes:
                await fake.wait_until_idle()
        for fake in fakes:
            await fake.wait_until_disconnected()
        await _tasks_gone(before)


async def _tasks_gone(before: set[asyncio.Task[Any]]) -> None:
    if others := asyncio.all_tasks() - before:
        _, left_behind = await asyncio.wait(others, timeout=PATIENCE)
        assert not left_behind, left_behind


@contextlib.asynccontextmanager
async def started_proxy(
    config: Config, *, clock: FakeClock | None = None, home: Home | None = None, program: str = PROGRAM
) -> AsyncIterator[RunningProxy]:
    """Start the proxy with this configuration, and stop it."""
    ledger = MemoryLedger()
    proxy = Proxy(config, token=TOKEN, ledger=ledger, home=home, clock=clock, program=program)
    await proxy.start()
    try:
        async with contextlib.AsyncExitStack() as connections:
            yield RunningProxy(proxy, ledger, connections)
    finally:
        await proxy.stop(force=True)
