"""When the heads of answers are read for limits: the last of many, once a second at most."""

from __future__ import annotations

import asyncio

import pytest

from claude_proxy.core.types import Headers
from claude_proxy.proxy import quota_watch
from fakes import quota_answers
from fakes.async_test import async_test
from fakes.clock import NOON
from fakes.proxy import make_provider
from fakes.watched_quota import watched


def head(hours: str) -> Headers:
    return tuple((name.encode(), value.encode()) for name, value in quota_answers.unified(NOON, hours).items())


@async_test
async def test_of_many_answers_at_once_the_last_head_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota_watch, "HEADS_EVERY", 3600.0)
    claude = make_provider("claude", "http://127.0.0.1:1", quota="anthropic")
    async with watched(claude) as proxy:
        for hours in ("0.1", "0.2", "0.3"):
            proxy.watch.take_headers(claude, 200, head(hours))
        proxy.watch.take_headers(make_provider("removed", "http://127.0.0.1:1", quota="anthropic"), 200, head("1.0"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert proxy.report("claude").windows[0].used == 0.3
        proxy.watch.take_headers(claude, 200, head("0.4"))
        await asyncio.sleep(0)
        assert proxy.report("claude").windows[0].used == 0.3


@async_test
async def test_a_head_that_came_within_a_second_of_another_is_read_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota_watch, "HEADS_EVERY", 0.02)
    claude = make_provider("claude", "http://127.0.0.1:1", quota="anthropic")
    async with watched(claude) as proxy:
        proxy.watch.take_headers(claude, 200, head("0.9"))
        await proxy.journal.note_with("90 % of its quota is used (5 h)")
        proxy.watch.take_headers(claude, 200, head("1.0"))
        await proxy.journal.note_with("its plan is used up (5 h)")
