"""A user's command is told of what happens to requests, and no request waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

import pytest

import claude_proxy.app.proxy
from app.event_command import EventCommand
from claude_proxy.cli.background.processes import until
from claude_proxy.config.load import Config
from claude_proxy.core.budgets import Budget, Period
from claude_proxy.core.events import Event, EventKind
from claude_proxy.core.prices import Price, Prices, Rate
from claude_proxy.core.types import Policy
from fakes import quota_answers
from fakes.async_test import async_test
from fakes.clock import NOON, FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import MODEL, NAMES, PROMPT, TOKEN, RunningProxy, make_config, make_provider, started_proxy
from fakes.scripts import USAGE, answers, message, opening
from fakes.server import PATIENCE
from fakes.steps import Cut, Status, Stream, error_body
from fakes.stream_checks import complete_text

posix = pytest.mark.skipif(sys.platform == "win32", reason="notify-send is a program of POSIX systems")
SECRETS = "the question is private", "the answer is private", "key-of-minimax", "key-of-moonshot", TOKEN
DOLLAR_EACH = MappingProxyType({MODEL: Prices((Rate(Price(0, 1_000_000 / USAGE["output_tokens"])),))})


@pytest.fixture(autouse=True)
def looks_often() -> Iterator[None]:
    with mock.patch.object(claude_proxy.app.proxy, "LOOK_INTERVAL", 0.01):
        yield


def config_of(
    command: EventCommand | None, *fakes: FakeProvider, each: dict[str, Any] | None = None, **changes: Any
) -> Config:
    providers = [make_provider(name, fake.url, **each or {}) for name, fake in zip(NAMES, fakes, strict=False)]
    config = make_config(providers, Policy())
    return dataclasses.replace(config, on_event=command.arguments if command else (), **changes)


@contextlib.asynccontextmanager
async def proxied(
    command: EventCommand | None, *fakes: FakeProvider, clock: FakeClock | None = None, **changes: Any
) -> AsyncIterator[RunningProxy]:
    """Start these providers, and the proxy in front of them."""
    async with contextlib.AsyncExitStack() as stack:
        for fake in fakes:
            await stack.enter_async_context(fake)
        config = config_of(command, *fakes, **changes)
        yield await stack.enter_async_context(started_proxy(config, clock=clock or FakeClock()))


def private(text: str = SECRETS[0]) -> dict[str, Any]:
    return {**PROMPT, "messages": [{"role": "user", "content": text}]}


@async_test
async def test_a_failover_and_the_outage_behind_it_are_told_and_the_return(tmp_path: Path) -> None:
    command, clock = EventCommand(tmp_path), FakeClock()
    quota = Status(429, error_body("rate_limit_error", SECRETS[0]), {"retry-after": "60"})
    first = FakeProvider([quota], answers("first"))
    second = FakeProvider(answers(SECRETS[1]))
    async with proxied(command, first, second, clock=clock) as proxy:
        assert await complete_text(await proxy.post(**private())) == SECRETS[1]
        told = await command.told_of("failover", "provider_out")
        clock.pass_time(61)
        back = (await command.told_of("provider_back"))["provider_back"]
    assert told["failover"] == {
        "event": "failover",
        "at": NOON,
        "provider": "minimax",
        "next": "moonshot",
        "reason": "429",
        "model": MODEL,
        "text": "minimax: too many requests. moonshot is asked",
    }
    assert told["provider_out"] == {
        "event": "provider_out",
        "at": NOON,
        "provider": "minimax",
        "reason": "429",
        "until": NOON + 60,
        "text": "minimax is in cooldown until 08:01 (too many requests)",
    }
    assert back == {"event": "provider_back", "at": NOON + 61, "provider": "minimax", "text": back["text"]}
    assert not [secret for secret in SECRETS if secret in json.dumps(command.calls())]


@async_test
async def test_a_refused_key_is_told_with_its_variable_and_never_the_key(tmp_path: Path) -> None:
    command = EventCommand(tmp_path)
    refusal = Status(401, error_body("authentication_error", "wrong key: key-of-minimax"))
    fake = FakeProvider([refusal])
    async with proxied(command, fake) as proxy:
        assert (await proxy.post()).status == 401
        told = (await command.told_of("key_refused"))["key_refused"]
    assert (told["provider"], "MINIMAX_API_KEY" in told["text"]) == ("minimax", True)
    assert "key-of-minimax" not in json.dumps(command.calls())


@async_test
async def test_a_budget_is_told_at_four_fifths_and_when_it_is_used_up(tmp_path: Path) -> None:
    command = EventCommand(tmp_path)
    fake = FakeProvider(answers("paid"))
    async with proxied(command, fake, each={"prices": DOLLAR_EACH}, budgets=(Budget(2.2, Period.DAY),)) as proxy:
        for _ in range(3):
            await complete_text(await proxy.post())
        first, second = await asyncio.to_thread(command.wait_for, 2)
    assert (first["event"], first["percent"], second["event"], second["percent"]) == ("budget", 80, "budget", 100)
    assert "the budget of $2.20 a day is 90 % used" in first["text"]
    assert second["until"] == NOON + 16 * 3600


@async_test
async def test_a_quota_that_is_nearly_used_up_is_told(tmp_path: Path) -> None:
    command, fields = EventCommand(tmp_path), quota_answers.unified(NOON, "0.85", "0.1")
    fake = FakeProvider([Stream(fields), *message("x")[1:]])
    async with proxied(command, fake, each={"quota": "anthropic"}) as proxy:
        await complete_text(await proxy.post())
        told = (await command.told_of("quota_low"))["quota_low"]
    assert (told["provider"], "85 % of its quota is used (5 h)" in told["text"]) == ("minimax", True)


@async_test
async def test_an_answer_that_broke_off_and_was_completed_is_told(tmp_path: Path) -> None:
    command = EventCommand(tmp_path)
    dies = FakeProvider([*opening("half an "), Cut()])
    goes_on = FakeProvider(answers("answer"))
    async with proxied(command, dies, goes_on) as proxy:
        await complete_text(await proxy.post())
        told = await command.told_of("answer_saved", "failover")
    assert told["answer_saved"]["provider"] == "moonshot"


@async_test
async def test_no_request_waits_for_a_command_that_hangs(tmp_path: Path) -> None:
    """Only a hang is detected here: the command takes longer than the test may."""
    started = tmp_path / "started"
    command = EventCommand(tmp_path, before=f"import time; open({str(started)!r}, 'w'); time.sleep(600)\n")
    first = FakeProvider(*[[Status(529)]] * 40)
    second = FakeProvider(answers("at once"))
    async with proxied(command, first, second) as proxy:
        for _ in range(40):
            assert await complete_text(await proxy.post()) == "at once"
        assert await asyncio.to_thread(until, lambda: started.exists() or None, PATIENCE)
        assert await complete_text(await proxy.post()) == "at once"
    assert command.calls() == []


@async_test
async def test_what_fails_is_noted_once(tmp_path: Path) -> None:
    command = EventCommand(tmp_path, before="raise SystemExit(7)\n")
    first = FakeProvider([Status(529)])
    second = FakeProvider(answers("on"))
    async with proxied(command, first, second) as proxy:
        await complete_text(await proxy.post())
        note = await proxy.ledger.note_with("on_event: ")
    assert "ended with the exit code 7" in note


@async_test
async def test_a_command_that_is_taken_out_of_the_configuration_is_told_nothing(tmp_path: Path) -> None:
    command = EventCommand(tmp_path)
    fake = FakeProvider(answers("on"))
    async with proxied(command, fake) as proxy:
        dispatch = proxy.proxy._events
        dispatch.follow(config_of(None, fake))
        dispatch.tell(Event(event=EventKind.FAILOVER, at=NOON, text="x"))
        assert dispatch._runners == {}


@posix
@async_test
async def test_a_desktop_that_cannot_show_notifications_is_noted_once() -> None:
    fake = FakeProvider(answers("on"))
    with mock.patch.dict("os.environ", {"PATH": ""}, clear=True):
        async with proxied(None, fake, notify=True) as proxy:
            proxy.proxy._events.follow(config_of(None, fake, notify=True))
            notes = [note for note in proxy.ledger.notes if "no notification can be shown" in note]
    assert len(notes) == 1


@posix
@async_test
async def test_the_desktop_shows_the_words_of_an_event(tmp_path: Path) -> None:
    program, out = tmp_path / "notify-send", tmp_path / "out"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {out}\n', encoding="utf-8")
    program.chmod(0o755)
    with mock.patch.dict("os.environ", {"PATH": f"{tmp_path}:/bin:/usr/bin", "DISPLAY": ":0"}):
        first = FakeProvider([Status(529)])
        second = FakeProvider(answers("on"))
        async with proxied(None, first, second, notify=True) as proxy:
            await complete_text(await proxy.post())
            words = "minimax: overloaded. moonshot is asked"
            shown = lambda: (out.exists() and words in out.read_text(encoding="utf-8")) or None  # noqa: E731
            assert await asyncio.to_thread(until, shown, PATIENCE)
