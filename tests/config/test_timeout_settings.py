"""How long a provider may take: by its settings, the general ones, and where it runs."""

from __future__ import annotations

import pytest

from claude_proxy.core.types import Timeouts
from config.folder import Folder

RELAY = {"name": "relay", "base_url": "https://relay.example/anthropic", "api_key_env": "MINIMAX_API_KEY", "models": {}}


def timeouts_of(home: Folder, provider: object) -> Timeouts:
    (loaded,) = home.loads({"providers": [provider]}).providers
    return loaded.timeouts


def test_a_providers_timeouts_win_over_the_general_ones_and_those_over_the_defaults(home: Folder) -> None:
    first = {"preset": "minimax", "timeouts": {"stall": 5, "connect": 2.5}}
    config = home.loads({"providers": [first, {"preset": "moonshot"}], "timeouts": {"stall": 7, "first_event": 9}})
    assert config.providers[0].timeouts == Timeouts(connect=2.5, first_event=9, first_content=600, stall=5)
    assert config.providers[1].timeouts == Timeouts(connect=10, first_event=9, first_content=600, stall=7)


LOCAL = {"auth": "none", "models": "qwen3"}


@pytest.mark.parametrize(
    "provider",
    [
        pytest.param(LOCAL | {"preset": "ollama"}, id="a preset"),
        pytest.param(LOCAL | {"preset": "llamacpp"}, id="another preset"),
        pytest.param(LOCAL | {"preset": "ollama", "base_url": "http://192.168.1.9:11434"}, id="its own address"),
        pytest.param(LOCAL | {"name": "own", "base_url": "http://127.0.0.1:9999"}, id="a loopback address"),
        pytest.param(LOCAL | {"name": "own", "base_url": "http://localhost:9999"}, id="by name"),
    ],
)
def test_a_server_on_this_machine_may_be_silent_for_ten_minutes(home: Folder, provider: dict[str, object]) -> None:
    assert timeouts_of(home, provider) == Timeouts(connect=10, first_event=600, first_content=600, stall=600)


def test_the_users_timeouts_win_over_those_for_this_machine(home: Folder) -> None:
    config = home.loads({"providers": [LOCAL | {"preset": "ollama"}], "timeouts": {"first_event": 9}})
    assert config.providers[0].timeouts == Timeouts(connect=10, first_event=9, first_content=600, stall=600)


def test_a_provider_elsewhere_may_be_silent_for_a_minute(home: Folder) -> None:
    assert timeouts_of(home, RELAY) == Timeouts(connect=10, first_event=60, first_content=600, stall=60)
