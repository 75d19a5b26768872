"""What was learned outlives the proxy: its next start knows it before the first request."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from claude_proxy.core.types import Policy
from claude_proxy.store.home import Home
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, make_config, make_provider, started_proxy
from fakes.scripts import message, thinking_then_text
from fakes.steps import Status
from fakes.stream_checks import complete_text

SYSTEM = [{"role": "user", "content": "hi"}, {"role": "system", "content": "environment"}]
REFUSED = Status(
    400, b'{"detail":[{"loc":["body","messages",1,"role"],"msg":"Input should be \'user\' or \'assistant\'"}]}'
)


def home_in(folder: Path) -> Home:
    home = Home(folder)
    home.prepare()
    home.config.write_text("{}", encoding="utf-8")
    return home


def owner_of(proxy: RunningProxy, signature: str) -> str | None:
    return proxy.proxy._gateway.memory.signature_owners.owner(signature, 0.0)


@async_test
async def test_rules_and_signature_owners_survive_a_restart(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    async with FakeProvider([REFUSED], thinking_then_text("hm", "hello"), message("again")) as fake:
        config = make_config([make_provider("minimax", fake.url)], Policy())
        async with started_proxy(config, home=home) as proxy:
            assert await complete_text(await proxy.post(messages=SYSTEM)) == "hello"
        async with started_proxy(config, home=home) as proxy:
            assert owner_of(proxy, "c2lnbmVk") == fake.url
            answer = await proxy.post(messages=SYSTEM)
            assert answer.headers["x-claude-proxy-attempts"] == "minimax=200"
            assert answer.headers["x-claude-proxy-adapted"] == "role:system"
            assert await complete_text(answer) == "again"


async def answers_though_nothing_is_kept(folder: Path, spoil: Callable[[Home], None]) -> None:
    home = home_in(folder)
    async with FakeProvider(thinking_then_text("hm", "hello")) as fake:
        async with started_proxy(make_config([make_provider("minimax", fake.url)], Policy()), home=home) as proxy:
            spoil(home)
            assert await complete_text(await proxy.post()) == "hello"
        assert [note for note in proxy.ledger.notes if "cannot be written" in note]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom modes bind")
@async_test
async def test_a_home_that_cannot_be_written_to_does_not_stop_the_proxy(tmp_path: Path) -> None:
    await answers_though_nothing_is_kept(tmp_path, lambda home: home.state.chmod(0o500))
    Home(tmp_path).state.chmod(0o700)


@async_test
async def test_a_home_that_is_gone_does_not_stop_the_proxy(tmp_path: Path) -> None:
    def remove(home: Home) -> None:
        for path in home.state.iterdir():
            path.unlink()
        home.state.rmdir()

    await answers_though_nothing_is_kept(tmp_path, remove)


@async_test
async def test_a_cooldown_goes_on_after_a_restart(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    limited = Status(429, headers={"retry-after": "600"})
    async with FakeProvider([limited]) as first, FakeProvider(message("second")) as second:
        named = [make_provider("minimax", first.url), make_provider("moonshot", second.url)]
        config = make_config(named, Policy())
        async with started_proxy(config, home=home) as proxy:
            assert await complete_text(await proxy.post()) == "second"
            before = (await proxy.status())["minimax"]
        async with started_proxy(config, home=home) as proxy:
            after = (await proxy.status())["minimax"]
            assert await complete_text(await proxy.post()) == "second"
        assert len(first.requests) == 1
    assert (after["state"], after["reason"]) == (before["state"], before["reason"]) == ("cooldown", "429")
    assert after["cooldown_until"] == before["cooldown_until"]
