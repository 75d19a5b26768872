"""What several providers need of Claude Code together."""

from __future__ import annotations

import msgspec
import pytest

from claude_proxy.core.client_requirements import ClientRequirements, combine

SLOW = ClientRequirements(timeout_ms=3_000_000, window=1_000_000, models=("m3", "shared"))
SMALL = ClientRequirements(timeout_ms=600_000, window=262_144, tool_search=False, models=("shared", "k3"))


def test_nothing_is_needed_if_there_is_no_provider() -> None:
    assert combine([]) == ClientRequirements()


def test_one_provider_needs_what_it_needs() -> None:
    assert combine([SMALL]) == SMALL


@pytest.mark.parametrize("both", [[SLOW, SMALL], [SMALL, SLOW]])
def test_the_longest_timeout_and_the_smallest_window_suit_all(both: list[ClientRequirements]) -> None:
    assert combine(both) == ClientRequirements(3_000_000, 262_144, tool_search=False, models=("shared",))


def test_a_provider_that_needs_nothing_changes_nothing_but_the_shared_models() -> None:
    assert combine([ClientRequirements(), SMALL]) == msgspec.structs.replace(SMALL, models=())


@pytest.mark.parametrize(("window", "set_to"), [(32_000, 100_000), (150_000, 150_000), (2_000_000, 1_000_000)])
def test_the_window_is_one_that_claude_code_accepts(window: int, set_to: int) -> None:
    assert combine([ClientRequirements(window=window)]).window == set_to


def test_the_login_is_needed_if_one_provider_uses_it() -> None:
    assert combine([SLOW, ClientRequirements(own_login=True)]).own_login
    assert not combine([SLOW, SMALL]).own_login


@pytest.mark.parametrize("name", ["k3", "k3[1m]", "k3[1M]", "claude-opus-5-5", "opus", "opusplan", "default"])
def test_has_its_own_models_and_those_that_are_mapped(name: str) -> None:
    assert SMALL.has_model(name)


def test_has_no_model_that_one_provider_lacks() -> None:
    assert not combine([SMALL, SLOW]).has_model("k3")
    assert combine([SMALL, SLOW]).has_model("shared")
