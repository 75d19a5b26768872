"""What the configured providers need of Claude Code, by the catalogue and the user's own settings."""

from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.client_requirements import ClientRequirements, combine
from claude_proxy.core.health import Health
from claude_proxy.core.issues import Issues, provider_status
from config.folder import Folder

KEYS = "".join(f"{name}_API_KEY=sk-{name}\n" for name in ("MINIMAX", "MOONSHOT", "DEEPSEEK", "ANTHROPIC"))
MINIMAX = {"preset": "minimax"}
MOONSHOT: dict[str, Any] = {"preset": "moonshot", "models": {"opus": "kimi-k2.6", "sonnet": "kimi-k3"}}
DEEPSEEK = {"preset": "deepseek"}
ANTHROPIC = {"preset": "anthropic"}
LOCAL: dict[str, Any] = {"name": "local", "base_url": "http://127.0.0.1:8000", "auth": "none", "models": "qwen3-coder"}


def requirements(home: Folder, *given: dict[str, Any]) -> ClientRequirements:
    providers = home.loads({"providers": list(given)}, KEYS).providers
    return combine([provider_status(one, Health(one.name, 60.0), Issues(), 0.0).client for one in providers])


@pytest.mark.parametrize(
    ("given", "timeout", "window", "tool_search"),
    [
        ([MINIMAX], 3_000_000, 1_000_000, True),
        ([MOONSHOT], None, 262_144, False),
        ([MINIMAX, MOONSHOT], 3_000_000, 262_144, False),
        ([DEEPSEEK], 600_000, 1_000_000, True),
        ([DEEPSEEK, MINIMAX], 3_000_000, 1_000_000, True),
        ([LOCAL], None, None, True),
        ([LOCAL, MOONSHOT], None, 262_144, False),
        ([ANTHROPIC], None, None, True),
        ([{**LOCAL, "models": "MiniMax-M2.7"}], None, 204_800, True),
        ([{**LOCAL, "models": "glm-4.5-air"}], None, 131_072, True),
        ([{**MOONSHOT, "claude_code": {"timeout_ms": 5, "tool_search": True}}], 5, 262_144, True),
        ([{**LOCAL, "claude_code": {"tool_search": False}}, MINIMAX], 3_000_000, 1_000_000, False),
        ([{**MOONSHOT, "model_facts": {"kimi-k2.6": {"context": 150_000}}}], None, 150_000, False),
        ([{**MOONSHOT, "model_facts": {"kimi-k2.6": {"context": None}}}], None, 1_000_000, False),
        ([{**ANTHROPIC, "models": "x-20260101", "model_facts": {"x": {"context": 150_000}}}], None, 150_000, True),
        ([{**LOCAL, "model_facts": {"qwen3-coder": {"context": 120_000}}}, MINIMAX], 3_000_000, 120_000, True),
    ],
)
def test_finds_requirements_that_suit_all_providers(
    given: list[dict[str, Any]], timeout: int | None, window: int | None, tool_search: bool, home: Folder
) -> None:
    needed = requirements(home, *given)
    assert (needed.timeout_ms, needed.window, needed.tool_search) == (timeout, window, tool_search)


def test_the_login_is_needed_if_one_provider_uses_it(home: Folder) -> None:
    plan = {**ANTHROPIC, "auth": "client"}
    assert requirements(home, MOONSHOT, plan).own_login
    assert not requirements(home, MOONSHOT, ANTHROPIC).own_login


def test_a_preset_behind_a_relay_needs_the_same(home: Folder) -> None:
    relayed = {**MINIMAX, "base_url": "https://relay.example/m"}
    assert requirements(home, relayed) == requirements(home, MINIMAX)


def test_keeps_a_model_that_each_provider_has(home: Folder) -> None:
    assert requirements(home, MOONSHOT).has_model("kimi-k3[1m]")
    assert not requirements(home, MOONSHOT, MINIMAX).has_model("kimi-k3")
