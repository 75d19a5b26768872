"""`config.json` or `.env` changes while the proxy runs: applied if it is valid, reported if it is not."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

import claude_proxy.app.proxy
from claude_proxy.config.load import Config, load
from claude_proxy.store.home import Home
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import started_proxy
from fakes.scripts import MESSAGE_STOP, block_stop, message, message_delta, opening
from fakes.server import PATIENCE
from fakes.steps import Status, Wait, error_body
from fakes.stream_checks import complete_text


@pytest.fixture(autouse=True)
def looks_often() -> Iterator[None]:
    with mock.patch.object(claude_proxy.app.proxy, "LOOK_INTERVAL", 0.01):
        yield


def write(home: Home, **providers: FakeProvider) -> None:
    """Write a configuration with these providers, all with one key."""
    listed = [{"name": name, "base_url": fake.url, "api_key_env": "A_KEY"} for name, fake in providers.items()]
    home.config.write_text(json.dumps({"providers": listed}), encoding="utf-8")


def home_in(folder: Path) -> Home:
    home = Home(folder)
    home.prepare()
    home.env.write_text("A_KEY=first-key\n", encoding="utf-8")
    return home


def loaded(home: Home) -> Config:
    return dataclasses.replace(load(home.root, {}), port=0)


@async_test
async def test_a_valid_change_is_used_and_requests_in_flight_finish_with_the_old_one(tmp_path: Path) -> None:
    gate, home = asyncio.Event(), home_in(tmp_path)
    rest = [block_stop(), message_delta(), MESSAGE_STOP]
    async with (
        FakeProvider([*opening("old"), Wait(gate), *rest]) as old,
        FakeProvider(message("new")) as new,
    ):
        write(home, old=old)
        async with started_proxy(loaded(home), home=home) as proxy:
            in_flight = await proxy.post()
            write(home, new=new)
            await proxy.ledger.note_with("configuration reloaded: new")
            assert await complete_text(await proxy.post()) == "new"
            gate.set()
            assert await complete_text(in_flight) == "old"


@async_test
async def test_a_host_that_is_allowed_while_the_proxy_runs_is_accepted(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    async with FakeProvider(message("hello")) as fake:
        write(home, only=fake)
        async with started_proxy(loaded(home), home=home) as proxy:
            assert (await proxy.post(headers={"Host": "devbox.example"})).status == 403
            document = json.loads(home.config.read_text(encoding="utf-8"))
            home.config.write_text(json.dumps({**document, "allowed_hosts": ["devbox.example"]}), encoding="utf-8")
            await proxy.ledger.note_with("configuration reloaded: only")
            assert await complete_text(await proxy.post(headers={"Host": "devbox.example"})) == "hello"


@async_test
async def test_an_invalid_change_is_not_used_and_is_shown_until_it_is_fixed(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    async with FakeProvider(message("hello")) as fake:
        write(home, one=fake)
        async with started_proxy(loaded(home), home=home) as proxy:
            home.config.write_text('{"providers": [', encoding="utf-8")
            await proxy.ledger.note_with("cannot be used")
            report = await (await proxy.ask("GET", "/admin/status")).json()
            assert "config.json" in report["config_problems"][0]
            assert await complete_text(await proxy.post()) == "hello"
            write(home, two=fake)
            await proxy.ledger.note_with("configuration reloaded: two")
            assert (await (await proxy.ask("GET", "/admin/status")).json())["config_problems"] == []


@async_test
async def test_a_provider_without_a_key_is_shown_as_skipped_and_named_in_the_error(
    tmp_path: Path,
) -> None:
    home = home_in(tmp_path)
    async with FakeProvider(message("hello")) as fake:
        write(home, one=fake)
        async with started_proxy(loaded(home), home=home) as proxy:
            keyless = {"name": "two", "base_url": fake.url, "api_key_env": "NO_SUCH_KEY"}
            document = json.loads(home.config.read_text(encoding="utf-8"))
            document["providers"].append(keyless)
            home.config.write_text(json.dumps(document), encoding="utf-8")
            await proxy.ledger.note_with("configuration reloaded: one")
            report = await (await proxy.ask("GET", "/admin/status")).json()
            assert report["skipped"] == [{"name": "two", "variable": "NO_SUCH_KEY"}]
            answer = await proxy.post("/provider/two/v1/messages")
            assert (answer.status, "NO_SUCH_KEY" in str(await answer.json())) == (410, True)


@pytest.mark.parametrize(
    ("status", "words", "told"),
    [
        (401, "no", "key_rejected"),
        (402, "no", "out_of_credit"),
        (429, "insufficient balance", "out_of_credit"),
        (404, "unknown model", "unknown_model"),
    ],
)
@async_test
async def test_a_new_key_is_used_and_the_issues_of_the_old_one_are_forgotten(
    status: int, words: str, told: str, tmp_path: Path
) -> None:
    home = home_in(tmp_path)
    async with FakeProvider([Status(status, error_body("x", words))], message("hello")) as fake:
        write(home, one=fake)
        async with started_proxy(loaded(home), home=home) as proxy:
            assert (await proxy.post()).status == status
            assert (await proxy.status())["one"][told]
            home.env.write_text("A_KEY=second-key\n", encoding="utf-8")
            await proxy.ledger.note_with("configuration reloaded")
            report = (await proxy.status())["one"]
            assert (report["state"], bool(report[told])) == ("ready", False)
            assert await complete_text(await proxy.post()) == "hello"
        keys = [request.header("authorization") for request in fake.requests]
    assert keys == ["Bearer first-key", "Bearer second-key"]


@async_test
async def test_an_unchanged_provider_keeps_its_cooldown(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    limited = FakeProvider([Status(429, headers={"retry-after": "600"})])
    async with limited, FakeProvider(message("second")) as second, FakeProvider(message("third")) as third:
        write(home, limited=limited, second=second)
        async with started_proxy(loaded(home), home=home) as proxy:
            assert await complete_text(await proxy.post()) == "second"
            write(home, limited=limited, third=third)
            await proxy.ledger.note_with("configuration reloaded: limited, third")
            assert await complete_text(await proxy.post()) == "third"
    assert len(limited.requests) == 1


@async_test
async def test_a_changed_port_is_reported_as_used_after_a_restart(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    async with FakeProvider(message("x")) as fake:
        write(home, x=fake)
        document = json.loads(home.config.read_text(encoding="utf-8"))
        document["providers"][0]["models"] = {}
        async with started_proxy(loaded(home), home=home, program="python3 proxy.py") as proxy:
            home.config.write_text(json.dumps(document | {"proxy_port": 18991}), encoding="utf-8")
            warning = "config.json: proxy_port is now 18991, which is used after `python3 proxy.py restart`."
            await proxy.ledger.note_with(warning)
            assert proxy.proxy.status().warnings[-1] == warning


@async_test
async def test_problems_of_a_changed_configuration_name_commands_as_the_user_calls_them(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    async with FakeProvider(message("x")) as fake:
        write(home, x=fake)
        async with started_proxy(loaded(home), home=home, program="python3 proxy.py") as proxy:
            home.config.write_text('{"providers": [{"preset": "nosuch"}]}', encoding="utf-8")
            note = await proxy.ledger.note_with("cannot be used")
            assert "The command `python3 proxy.py providers --all` lists them." in note
            assert proxy.proxy.status().config_problems
            assert "claude-proxy providers" not in "".join(proxy.proxy.status().config_problems)


@async_test
async def test_a_changed_proxy_closes_the_connections_of_the_old_one_once_no_request_uses_them(tmp_path: Path) -> None:
    gate, home = asyncio.Event(), home_in(tmp_path)
    script = [*opening("hello"), Wait(gate), block_stop(), message_delta(), MESSAGE_STOP]
    async with FakeProvider(script, message("again")) as fake:
        write(home, one=fake)
        async with started_proxy(loaded(home), home=home) as proxy:
            transports = [weakref.ref(proxy.proxy._transport)]
            in_flight = await proxy.post()
            for port in range(1, 4):
                document = json.loads(home.config.read_text(encoding="utf-8"))
                text = json.dumps({**document, "proxy_url": f"http://127.0.0.1:{port}"})
                home.config.write_text(text + " " * port, encoding="utf-8")
                await until(lambda: proxy.proxy._transport is not transports[-1]())
                transports.append(weakref.ref(proxy.proxy._transport))
            assert proxy.proxy._retired == {transports[0]()}
            gate.set()
            assert await complete_text(in_flight) == "hello"
            await until(lambda: not proxy.proxy._retired)
            assert await complete_text(await proxy.post()) == "again"
            gc.collect()
            assert [transport() is not None for transport in transports] == [False, False, False, True]
            assert fake.connections_made == 2


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in the proxy."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  what is waited for cannot signal
            await asyncio.sleep(0.001)


@async_test
async def test_a_token_for_metrics_that_is_set_while_the_proxy_runs_opens_them(tmp_path: Path) -> None:
    home, token = home_in(tmp_path), "0123456789abcdef"
    async with FakeProvider() as fake:
        write(home, only=fake)
        async with started_proxy(loaded(home), home=home) as proxy:
            headers = {"Authorization": f"Bearer {token}"}
            assert (await proxy.ask("GET", "/metrics", headers=headers)).status == 401
            home.env.write_text(f"A_KEY=first-key\nCLAUDE_PROXY_METRICS_TOKEN={token}\n", encoding="utf-8")
            await proxy.ledger.note_with("configuration reloaded: only")
            assert (await proxy.ask("GET", "/metrics", headers=headers)).status == 200


@async_test
async def test_traces_that_are_turned_on_are_reported_as_used_after_a_restart(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    async with FakeProvider() as fake:
        write(home, only=fake)
        document = json.loads(home.config.read_text(encoding="utf-8"))
        async with started_proxy(loaded(home), home=home) as proxy:
            home.config.write_text(json.dumps(document | {"otel": True}), encoding="utf-8")
            await proxy.ledger.note_with("config.json: otel is now true, which is used after `claude-proxy restart`.")
