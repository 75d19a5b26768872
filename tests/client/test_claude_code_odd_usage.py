"""The real Claude Code accepts whatever token counts a provider sends, so the proxy leaves them unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from client.claude_code import claude_code
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, running_proxy
from fakes.scripts import MESSAGE_STOP, message, tool_use
from fakes.steps import Event, Script, Step

LEFT_OUT: Final = "left out"
NEGATIVE: Final = {"input_tokens": -5, "output_tokens": -7, "cache_read_input_tokens": -9}
USAGES = {
    "left out": LEFT_OUT,
    "null": None,
    "empty": {},
    "zero": {"input_tokens": 0, "output_tokens": 0},
    "null counts": {"input_tokens": None, "output_tokens": None},
    "negative": NEGATIVE,
    "text": {"input_tokens": "many", "output_tokens": "some"},
}


def with_usage(event: Event, usage: object) -> Event:
    """Return a `message_start` or `message_delta` with another usage in it, or none."""
    inner = event.data.get("message")
    holder: dict[str, Any] = {**(inner if isinstance(inner, Mapping) else event.data)}
    holder.pop("usage")
    if usage != LEFT_OUT:
        holder["usage"] = usage
    return Event(event.name, {"message": holder} if inner else holder)


def with_odd_usage(script: Script, usage: object) -> list[Step]:
    """Return a script whose events all report this usage, with its message_delta twice."""
    changed = list[Step]()
    for step in script:
        counted = isinstance(step, Event) and step.name in ("message_start", "message_delta")
        made = with_usage(step, usage) if counted and isinstance(step, Event) else step
        changed += [made, made] if isinstance(made, Event) and made.name == "message_delta" else [made]
    assert changed[-1] == MESSAGE_STOP
    return changed


@pytest.mark.parametrize("usages", [list(USAGES.values()), list(USAGES.values())[::-1]], ids=["to text", "to left out"])
@async_test
async def test_uses_tools_and_goes_on_with_odd_usage(usages: list[object], tmp_path: Path) -> None:
    """Each answer of a conversation reports another usage: those that call a tool, and the one at its end."""
    claude = claude_code(tmp_path)
    command = {"command": "echo harmless-$((40+2))", "description": "Say something harmless"}
    scripts: Sequence[Script] = [
        *[with_odd_usage(tool_use("Bash", command, f"toolu_{n}"), usage) for n, usage in enumerate(usages)],
        with_odd_usage(message("the tool said so"), usages[-1]),
    ]
    provider = FakeProvider(*scripts)
    async with running_proxy(provider) as proxy:
        finished = await claude.run(proxy.url, TOKEN, "run it", "--allowedTools", "Bash")
    assert (finished.code, finished.out) == (0, "the tool said so"), finished
    assert len(provider.requests) == len(usages) + 1
