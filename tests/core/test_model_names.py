from __future__ import annotations

import pytest

from claude_proxy.core.model_names import is_claude, most_able, strip_context_suffix, tier_of


@pytest.mark.parametrize(
    ("model", "tier"),
    [
        ("claude-opus-5-5", "opus"),
        ("claude-3-5-sonnet-20241022", "sonnet"),
        ("anthropic/Claude-Haiku-4.5", "haiku"),
        ("claude-fable-5-1[1m]", "fable"),
        ("Opus", "opus"),
        ("fable", "fable"),
        ("claude-mythos-5", "fable"),
        ("claude-mythos-preview[1m]", "fable"),
        ("claude-fable-5-mythos-5", "fable"),
        ("mythos", "fable"),
        ("claude-nova-7", ""),
        ("haiku[1m]", "haiku"),
        ("Opus[1M]", "opus"),
        ("magnum-opus-70b", ""),
        ("claude-2", ""),
        ("", ""),
    ],
)
def test_finds_the_tier_in_a_claude_models_name(model: str, tier: str) -> None:
    assert tier_of(model) == tier


@pytest.mark.parametrize(
    ("model", "stripped"),
    [
        ("glm-5.3[1m]", "glm-5.3"),
        ("glm-5.3[1M]", "glm-5.3"),
        ("glm-5.3", "glm-5.3"),
        ("[1m]glm", "[1m]glm"),
        ("glm[2m]", "glm[2m]"),
        ("glm[1m] ", "glm[1m] "),
        ("[1m]", ""),
        ("", ""),
    ],
)
def test_strips_the_context_suffix_in_either_case_from_the_end_alone(model: str, stripped: str) -> None:
    assert strip_context_suffix(model) == stripped


@pytest.mark.parametrize(
    ("model", "claudes"),
    [
        ("claude-nova-7", True),
        ("Claude-2.1", True),
        ("anthropic/claude-nova-7", True),
        ("us.anthropic.claude-nova-7-v1:0", True),
        ("claude", False),
        ("my-claude-like", False),
        ("claude-proxy/minimax", False),
        ("", False),
    ],
)
def test_knows_a_claude_name_of_any_family(model: str, *, claudes: bool) -> None:
    assert is_claude(model) is claudes


@pytest.mark.parametrize(
    ("tiers", "tier"),
    [(["haiku", "opus"], "opus"), (["opus", "fable"], "fable"), (["haiku", "sonnet"], "sonnet"), (["default"], "")],
)
def test_the_most_able_tier_is_the_most_able_of_those_given(tiers: list[str], tier: str) -> None:
    assert most_able(tiers) == tier
